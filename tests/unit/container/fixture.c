/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/sys.h"

#include "../tar/put_member.h"

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define CONFIG_TYPE   "application/vnd.oci.image.config.v1+json"
#define LAYER_TYPE    "application/vnd.oci.image.layer.v1.tar"
#define LAYER_MAX     (32u << 20)

/* ---- a tar ---- */

static void add_member(struct buf *tar, const char *name, char type, unsigned mode, unsigned uid,
                       const char *link, const void *p, size_t n)
{
    put_member(tar, &(struct put_member){name, link, type, mode, uid, 1700000000, p, n});
}

static void add_file(struct buf *tar, const char *name, const char *text)
{
    add_member(tar, name, '0', 0644, 0, "", text, strlen(text));
}

static void make_layer(struct buf *tar)
{
    static const char *const applets[] = {"sh", "cat", "echo", "id", "sleep", "true", "kill"};
    _cleanup_(buf_clear) struct buf busybox = BUF_INIT(LAYER_MAX);
    char name[32];

    if (fs_read_file(AT_FDCWD, "/bin/busybox", &busybox, NULL) < 0)
        buf_adds(&busybox, "not there");
    add_member(tar, "bin/", '5', 0755, 0, "", NULL, 0);
    add_member(tar, "bin/busybox", '0', 0755, 0, "", busybox.p, busybox.n);
    for (size_t i = 0; i < ARRAY_SIZE(applets); i++) {
        (void)snprintf(name, sizeof name, "bin/%s", applets[i]);
        add_member(tar, name, '2', 0777, 0, "busybox", NULL, 0);
    }
    add_member(tar, "etc/", '5', 0755, 0, "", NULL, 0);
    add_file(tar, "etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1000:1001::/home/bob:/bin/sh\n");
    add_file(tar, "etc/group", "root:x:0:\nwheel:x:10:bob\n");
    add_member(tar, "data/", '5', 0750, 1000, "", NULL, 0);
    add_member(tar, "data/seed", '0', 0640, 1000, "", "seed\n", 5);
    put_end(tar);
    assert_int_equal(buf_check(tar, NULL), 0);
}

/* ---- an image ---- */

struct layer_source {
    struct source source;
    const struct buf *bytes;
};

static int give_blob(struct source *s, const struct descriptor *d, uint64_t offset,
                     int (*start)(void *arg, uint64_t offset, struct shale_err *e),
                     source_data_fn data, void *arg, struct cancel *c, struct shale_err *e)
{
    const struct buf *b = ((struct layer_source *)s)->bytes;
    int r = start ? start(arg, offset, e) : 0;

    return r < 0 ? r : data(arg, b->p + offset, b->n - offset, e);
}

static const struct source_ops layer_ops = {.blob = give_blob};

static void put(struct sink *sink, const char *type, const struct buf *b, struct descriptor *ret)
{
    struct shale_err e = SHALE_ERR_INIT;

    *ret = (struct descriptor){.media_type = type, .size_bytes = b->n};
    assert_int_equal(digest_of_bytes(HASH_SHA256, b->p, b->n, &ret->digest, NULL), 0);
    if (sink->ops->put(sink, ret, b->p, b->n, NULL, &e) < 0)
        fail_msg("%s", e.msg);
}

static void put_layer(struct sink *sink, const struct buf *tar, struct descriptor *ret)
{
    struct layer_source from = {{&layer_ops}, tar};
    struct shale_err e = SHALE_ERR_INIT;

    *ret = (struct descriptor){.media_type = LAYER_TYPE, .size_bytes = tar->n};
    assert_int_equal(digest_of_bytes(HASH_SHA256, tar->p, tar->n, &ret->digest, NULL), 0);
    if (sink->ops->blob(sink, ret, &ret->digest, &from.source, NULL, &e) < 0)
        fail_msg("%s", e.msg);
}

void fixture_add_image(struct fixture *f, const char *os, char ret_id[DIGEST_MAX])
{
    _cleanup_(buf_clear) struct buf tar = BUF_INIT(LAYER_MAX);
    _cleanup_(buf_clear) struct buf config = BUF_INIT(8192);
    _cleanup_(buf_clear) struct buf manifest = BUF_INIT(8192);
    struct descriptor layer, cfg, mf;
    struct store_lease *lease = NULL;
    struct store_sink_opts so = {0};
    struct sink *sink = NULL;
    struct digest id;

    make_layer(&tar);
    assert_int_equal(store_lease_begin(f->store, "test", &lease, NULL), 0);
    so.lease = lease;
    assert_int_equal(store_sink_open(f->store, &so, &sink, NULL), 0);
    put_layer(sink, &tar, &layer);
    buf_addf(&config,
             "{\"os\":\"%s\",\"architecture\":\"amd64\",\"config\":{\"Env\":[\"PATH=/bin\","
             "\"FROM=image\"],\"Cmd\":[\"sh\",\"-c\",\"echo of the image\"],\"Volumes\":{\"/data\":"
             "{}},\"WorkingDir\":\"/made/for/it\",\"StopSignal\":\"SIGUSR1\",\"Labels\":{\"a\":"
             "\"1\"},\"ExposedPorts\":{\"80/tcp\":{}}},\"rootfs\":{\"type\":\"layers\","
             "\"diff_ids\":[\"%s\"]}}",
             os, layer.digest.s);
    put(sink, CONFIG_TYPE, &config, &cfg);
    buf_addf(&manifest,
             "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE "\",\"config\":{\"mediaType\":"
             "\"" CONFIG_TYPE "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[{\"mediaType\":"
             "\"" LAYER_TYPE "\",\"digest\":\"%s\",\"size\":%zu}]}",
             cfg.digest.s, config.n, layer.digest.s, tar.n);
    put(sink, MANIFEST_TYPE, &manifest, &mf);
    assert_int_equal(sink->ops->settle(sink, NULL), 0); /* the layer has its row */
    assert_int_equal(store_image_add(f->store, &mf, &id, NULL), 0);
    assert_string_equal(id.s, cfg.digest.s);
    sink->ops->close(sink);
    store_lease_end(lease);
    (void)snprintf(ret_id, DIGEST_MAX, "%s", id.s);
}

/* ---- the whole ---- */

void fixture_begin(struct fixture *f)
{
    struct store_opts o = {0};
    struct shale_err e = SHALE_ERR_INIT;

    *f =
        (struct fixture){.root = "/tmp/shale-container-XXXXXX", .a = ARENA_INIT(ARENA_DEFAULT_MAX)};
    assert_non_null(mkdtemp(f->root));
    o.root = f->root;
    if (store_open(&o, &f->store, &e) < 0)
        fail_msg("%s", e.msg);
    f->host.store = f->store;
    fixture_add_image(f, "linux", f->image);
}

void fixture_end(struct fixture *f)
{
    struct shale_ps_opts o = {.all = true};
    struct shale_rm_opts rm = {.force = true, .volumes = true};
    struct shale_container_list l = {0};

    assert_int_equal(container_ps(&f->host, &o, &f->a, &l, NULL), 0);
    for (size_t i = 0; i < l.n_items; i++)
        (void)container_rm(&f->host, l.items[i].id, &rm, NULL);
    f->store = store_close(f->store);
    arena_clear(&f->a);
    assert_int_equal(fs_remove_tree(AT_FDCWD, f->root, NULL), 0);
}

const char *fixture_cannot_run(struct fixture *f)
{
    struct container_runtimes rt;

    if (geteuid() != 0)
        return "needs root";
    if (access("/bin/busybox", X_OK) < 0)
        return "needs /bin/busybox";
    if (container_runtimes(&f->host, &f->a, &rt, NULL) < 0 || !rt.chosen)
        return "no OCI runtime works here";
    return rt.conmon_path[0] ? NULL : "needs conmon";
}

const char *fixture_create(struct fixture *f, const struct shale_create_opts *o, const char *cmd)
{
    const char *const argv[] = {"sh", "-c", cmd, NULL};
    struct shale_create_opts mine = o ? *o : (struct shale_create_opts){.stop_timeout_s = -1};
    struct shale_created made;
    struct shale_err e = SHALE_ERR_INIT;

    mine.image = f->image;
    mine.cmd = cmd ? argv : mine.cmd;
    if (container_create(&f->host, &mine, &f->a, &made, &e) < 0)
        fail_msg("%s", e.msg);
    return made.id;
}

void catch_begin(struct catch *c)
{
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    *c = (struct catch){fds[0], fds[1]};
}

void catch_end(struct catch *c, struct buf *ret)
{
    char chunk[4096];
    ssize_t n;

    close(c->w);
    while ((n = read(c->r, chunk, sizeof chunk)) > 0)
        buf_add(ret, chunk, (size_t)n);
    close(c->r);
}

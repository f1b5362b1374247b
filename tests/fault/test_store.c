/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of libshale on a store, with the n-th allocation failing: the library's, jansson's
 * and SQLite's. Images come from a source in memory. */
#include "torture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/store/mem_source.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "engine/engine_priv.h"
#include "view/containers.h"
#include "view/doc.h"
#include "view/images.h"
#include "view/inspect.h"

#define REPO  "docker.io/library/a"
#define DENSE 40 /* steps grow in proportion from here on; each makes a store anew */

struct ctx {
    char root[64];
    struct shale *s;
    struct mem_source m;
    struct digest id;
};

static void open_store(struct ctx *c)
{
    struct shale_open_opts o = {.size = sizeof o, .root = c->root, .storage_driver = "dir"};
    struct shale_err e = SHALE_ERR_INIT;

    if (shale_open(&o, &c->s, &e) < 0)
        fail_msg("%s", e.msg);
}

static void close_store(struct ctx *c)
{
    shale_close(c->s);
    c->s = NULL;
}

static int pull(struct ctx *c, struct shale_err *e)
{
    struct mem_store t = {.s = c->s->store};
    struct meta *m = store_meta(t.s);
    struct digest target, prev;
    int r = mem_store_pull(&t, &c->m, "a", NULL, &c->id, &target, e);

    if (r >= 0)
        r = meta_repo_digest_put(m, REPO, &target, &c->id, e);
    if (r >= 0)
        r = meta_tag_set(m, REPO, "1", &c->id, &target, "pull", &prev, e);
    return r;
}

/* Whatever was left behind: the store opens, and nothing in it is damaged. */
static void check_store(struct ctx *c)
{
    struct shale_fsck_opts o = {.size = sizeof o};
    struct shale_err e = SHALE_ERR_INIT;
    struct shale_fsck_result *r;

    close_store(c);
    open_store(c);
    if (shale_fsck(c->s, &o, &r, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(r->n_damaged, 0);
    shale_free(r);
}

/* ---- opening ---- */

static int do_open(void *arg, FILE *out, struct shale_err *e)
{
    struct ctx *c = arg;
    struct shale_open_opts o = {.size = sizeof o, .root = c->root, .storage_driver = "dir"};
    int r = shale_open(&o, &c->s, e);

    if (r >= 0)
        close_store(c);
    return r;
}

static int do_open_to_read(void *arg, FILE *out, struct shale_err *e)
{
    struct ctx *c = arg;
    struct shale_open_opts o = {.size = sizeof o, .root = c->root, .read_only = true};
    int r = shale_open(&o, &c->s, e);

    if (r >= 0)
        close_store(c);
    return r;
}

static void no_store(void *arg)
{
    struct ctx *c = arg;

    (void)fs_remove_tree(AT_FDCWD, c->root, NULL);
}

/* ---- images ---- */

static void fresh(void *arg)
{
    struct ctx *c = arg;

    if (c->s)
        check_store(c);
    close_store(c);
    no_store(c);
    open_store(c);
}

static int do_pull(void *arg, FILE *out, struct shale_err *e)
{
    struct ctx *c = arg;
    int r = pull(c, e);

    if (r >= 0)
        fputs(c->id.s, out);
    return r;
}

static int do_images(void *arg, FILE *out, struct shale_err *e)
{
    static const char *const formats[] = {NULL, "json", "{{.Repository}} {{upper .Tag}} {{.Size}}",
                                          "table {{.ID}}\t{{.CreatedSince}}"};
    const char *const filters[] = {"label=k=v", "reference=a*", "dangling=false", NULL};
    struct shale_images_opts o = {.size = sizeof o, .filters = filters};
    struct ctx *c = arg;
    struct shale_image_list *l;
    int r = shale_images(c->s, &o, &l, e);

    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(formats); i++) {
        struct images_opts io = {.format = formats[i], .digests = true, .now_ns = 1};
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        r = images_print(l, &io, &b, e);
        if (r >= 0)
            r = buf_check(&b, e);
        if (r >= 0)
            fputs(buf_str(&b), out);
    }
    shale_free(l);
    return r;
}

static int do_inspect(void *arg, FILE *out, struct shale_err *e)
{
    static const char *const formats[] = {NULL, "{{.Id}} {{json .Config}} {{index .RepoTags 0}}"};
    struct ctx *c = arg;
    struct shale_image_detail *d;
    int r = shale_image_inspect(c->s, "a:1", NULL, &d, e);

    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(formats); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
        _cleanup_json_ json_t *doc = NULL;
        struct inspect in;
        r = inspect_begin(&in, formats[i], false, &b, e);
        if (r < 0)
            break;
        r = doc_image(d, &doc, e);
        if (r >= 0)
            r = inspect_add(&in, doc, doc_image_fields, e);
        if (r >= 0)
            r = inspect_end(&in, e);
        if (r >= 0)
            r = buf_check(&b, e);
        if (r >= 0)
            fputs(buf_str(&b), out);
        inspect_clear(&in);
    }
    shale_free(d);
    return r;
}

static int do_history(void *arg, FILE *out, struct shale_err *e)
{
    struct history_opts o = {.format = "table {{.ID}} {{.CreatedBy}} {{.Size}}", .now_ns = 1};
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
    struct ctx *c = arg;
    struct shale_history *h;
    int r = shale_history(c->s, "a:1", NULL, &h, e);

    if (r < 0)
        return r;
    r = history_print(h, &o, &b, e);
    if (r >= 0)
        r = buf_check(&b, e);
    if (r >= 0)
        fputs(buf_str(&b), out);
    shale_free(h);
    return r;
}

static int do_tag(void *arg, FILE *out, struct shale_err *e)
{
    struct ctx *c = arg;

    return shale_tag(c->s, "a:1", "b.example/other:tag", e);
}

static int do_pulls(void *arg, FILE *out, struct shale_err *e)
{
    struct ctx *c = arg;
    struct shale_transfer_list *l;
    int r = shale_pulls(c->s, &l, e);

    if (r < 0)
        return r;
    fprintf(out, "%zu", l->n_items);
    shale_free(l);
    return 0;
}

static int do_fsck(void *arg, FILE *out, struct shale_err *e)
{
    struct shale_fsck_opts o = {.size = sizeof o};
    struct shale_fsck_result *res;
    struct ctx *c = arg;
    int r = shale_fsck(c->s, &o, &res, e);

    if (r < 0)
        return r;
    fprintf(out, "%d %d %d", (int)res->n_blobs, (int)res->n_layers, (int)res->n_damaged);
    shale_free(res);
    return 0;
}

static int do_gc(void *arg, FILE *out, struct shale_err *e)
{
    struct ctx *c = arg;
    uint64_t n;

    return shale_gc(c->s, &n, e);
}

static void pull_again(void *arg)
{
    struct ctx *c = arg;
    struct shale_err e = SHALE_ERR_INIT;

    check_store(c);
    if (pull(c, &e) < 0)
        fail_msg("%s", e.msg);
}

static int do_rmi(void *arg, FILE *out, struct shale_err *e)
{
    struct shale_rmi_opts o = {.size = sizeof o, .force = true};
    struct ctx *c = arg;
    struct shale_rmi_result *res;
    int r = shale_rmi(c->s, "a:1", &o, &res, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < res->n_items; i++)
        fprintf(out, "%d %s\n", res->items[i].kind, res->items[i].what);
    shale_free(res);
    return 0;
}

/* ---- containers ---- */

static void no_containers(void *arg)
{
    struct shale_ps_opts o = {.size = sizeof o, .all = true};
    struct shale_rm_opts rm = {.size = sizeof rm, .force = true, .volumes = true};
    struct ctx *c = arg;
    struct shale_container_list *l;
    struct shale_err e = SHALE_ERR_INIT;

    if (shale_ps(c->s, &o, &l, &e) < 0)
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < l->n_items; i++)
        if (shale_rm(c->s, l->items[i].id, &rm, &e) < 0)
            fail_msg("%s", e.msg);
    shale_free(l);
}

static int create(struct ctx *c, const char *name, struct shale_err *e)
{
    const char *const cmd[] = {"true", "x", NULL}, *const env[] = {"A=b", "C", NULL};
    const struct shale_mount mount = {.type = SHALE_MOUNT_TMPFS, .target = "/tmp"};
    struct shale_create_opts o = {.size = sizeof o,
                                  .image = "a:1",
                                  .cmd = cmd,
                                  .env = env,
                                  .name = name,
                                  .mounts = &mount,
                                  .n_mounts = 1,
                                  .stop_timeout_s = -1};
    struct shale_created *made;
    int r = shale_create(c->s, &o, &made, e);

    if (r >= 0)
        shale_free(made);
    return r;
}

static int do_create(void *arg, FILE *out, struct shale_err *e)
{
    return create(arg, "one", e);
}

static void one_container(void *arg)
{
    struct shale_err e = SHALE_ERR_INIT;

    no_containers(arg);
    if (create(arg, "one", &e) < 0)
        fail_msg("%s", e.msg);
}

static int do_ps(void *arg, FILE *out, struct shale_err *e)
{
    const char *const filters[] = {"name=on", "status=created", "ancestor=a:1", NULL};
    struct shale_ps_opts o = {.size = sizeof o, .all = true, .filters = filters};
    struct ctx *c = arg;
    struct shale_container_list *l;
    int r = shale_ps(c->s, &o, &l, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < l->n_items; i++)
        fprintf(out, "%s %s %d %s %s\n", l->items[i].name, l->items[i].image, l->items[i].state,
                l->items[i].command[0], l->items[i].network);
    shale_free(l);
    return 0;
}

static int do_container_inspect(void *arg, FILE *out, struct shale_err *e)
{
    struct ctx *c = arg;
    struct shale_container *d;
    int r = shale_container_inspect(c->s, "one", true, &d, e);

    if (r < 0)
        return r;
    _cleanup_json_ json_t *doc = NULL;
    r = doc_container(d, &doc, e);
    char *text = r < 0 ? NULL : json_text(doc);
    if (r >= 0 && !text)
        r = err_nomem(e);
    if (r >= 0)
        fputs(text, out);
    free(text);
    shale_free(d);
    return r;
}

static int do_rm(void *arg, FILE *out, struct shale_err *e)
{
    struct shale_rm_opts o = {.size = sizeof o, .volumes = true};
    struct ctx *c = arg;

    return shale_rm(c->s, "one", &o, e);
}

/* ---- */

static struct ctx *begin(bool pulled)
{
    static const char *const layers[] = {"base", "top", NULL};
    static struct ctx c;
    struct shale_err e = SHALE_ERR_INIT;

    c = (struct ctx){.root = "/tmp/shale-fault-XXXXXX"};
    assert_non_null(mkdtemp(c.root));
    mem_source_init(&c.m);
    mem_source_image(&c.m,
                     &(struct mem_image){.tag = "a", .layers = layers, .labels = "{\"k\":\"v\"}"});
    open_store(&c);
    if (pulled && pull(&c, &e) < 0)
        fail_msg("%s", e.msg);
    return &c;
}

static void end(struct ctx *c)
{
    if (c->s) {
        check_store(c);
        close_store(c);
    }
    no_store(c);
    mem_source_clear(&c->m);
}

static void run(struct ctx *c, const char *name, torture_fn f, void (*before)(void *))
{
    const struct torture t = {name, f, c, before, DENSE};

    print_message("%s: %lu allocations\n", name, torture(&t));
}

static void opening(void **state)
{
    struct ctx *c = begin(true);

    close_store(c);
    run(c, "open", do_open, NULL);
    run(c, "open to read", do_open_to_read, NULL);
    run(c, "open a new store", do_open, no_store);
    end(c);
}

static void pulling(void **state)
{
    struct ctx *c = begin(false);

    run(c, "pull", do_pull, fresh);
    end(c);
}

static void looking(void **state)
{
    struct ctx *c = begin(true);

    run(c, "images", do_images, NULL);
    run(c, "inspect", do_inspect, NULL);
    run(c, "history", do_history, NULL);
    run(c, "pulls", do_pulls, NULL);
    run(c, "fsck", do_fsck, NULL);
    end(c);
}

static void changing(void **state)
{
    struct ctx *c = begin(true);

    run(c, "tag", do_tag, NULL);
    run(c, "rmi", do_rmi, pull_again);
    run(c, "gc", do_gc, pull_again);
    end(c);
}

static void containers(void **state)
{
    struct ctx *c = begin(true);

    run(c, "create", do_create, no_containers);
    run(c, "ps", do_ps, one_container);
    run(c, "inspect a container", do_container_inspect, NULL);
    run(c, "rm", do_rm, one_container);
    no_containers(c);
    end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening),  cmocka_unit_test(pulling),    cmocka_unit_test(looking),
        cmocka_unit_test(changing), cmocka_unit_test(containers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* `info` and `fsck`. */
#include <string.h>
#include <fcntl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/pool.h"
#include "base/str.h"
#include "engine/engine_priv.h"
#include "meta/meta_content.h"
#include "model/platform.h"

#define OS_RELEASE_MAX (64u << 10)

static int put_sizes(struct shale *s, struct shale_info *i, struct shale_err *e)
{
    int fd = store_root_fd(s->store);
    uint64_t n_blobs;
    int r = meta_image_count(store_meta(s->store), &i->n_images, e);

    if (r >= 0)
        r = meta_blob_totals(store_meta(s->store), &n_blobs, &i->blobs_bytes, e);
    if (r >= 0)
        r = meta_layer_totals(store_meta(s->store), &i->n_layers, &i->layers_bytes, e);
    if (r < 0)
        return r;
    (void)fs_disk_usage(fd, "images", &i->indexes_bytes, NULL);
    (void)fs_disk_usage(fd, "ingest", &i->ingest_bytes, NULL);
    return 0;
}

/* PRETTY_NAME="Debian GNU/Linux 12 (bookworm)" */
static const char *os_name(struct arena *a)
{
    char *text = fs_read_text(AT_FDCWD, "/etc/os-release", a, OS_RELEASE_MAX, NULL);
    struct str rest = str_of(text), line;

    while (text && str_split(&rest, '\n', &line)) {
        static const char key[] = "PRETTY_NAME=";
        if (line.n < sizeof key || memcmp(line.p, key, sizeof key - 1) != 0)
            continue;
        struct str v = {line.p + sizeof key - 1, line.n - (sizeof key - 1)};
        if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
            v = (struct str){v.p + 1, v.n - 2};
        return arena_strndup(a, v.p, v.n);
    }
    return "Linux";
}

static int put_host(struct shale_info *i, struct arena *a, struct shale_err *e)
{
    struct utsname u;
    struct sysinfo si;

    if (uname(&u) < 0 || sysinfo(&si) < 0)
        return err_sys(e, "uname");
    i->kernel = arena_strdup(a, u.release);
    i->name = arena_strdup(a, u.nodename);
    i->arch = arena_strdup(a, u.machine);
    i->os = "linux";
    i->operating_system = os_name(a);
    i->memory_bytes = (uint64_t)si.totalram * si.mem_unit;
    i->n_cpus = (uint32_t)pool_n_cpus();
    return i->kernel && i->name && i->arch && i->operating_system ? 0 : err_nomem(e);
}

static int put_runtimes(struct shale *s, struct shale_info *i, struct arena *a, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct container_runtimes rt;
    struct container_counts counts;
    int r = container_counts(&h, &counts, e);

    if (r >= 0)
        r = container_runtimes(&h, a, &rt, e);
    if (r < 0)
        return r;
    i->n_containers = counts.n_all;
    i->n_running = counts.n_running;
    i->n_paused = counts.n_paused;
    i->n_stopped = counts.n_stopped;
    i->runtime = rt.chosen ? rt.chosen->name : "";
    i->runtime_path = rt.chosen ? rt.chosen->path : "";
    i->runtime_why = rt.why;
    i->conmon_path = rt.conmon_path;
    i->cgroup = rt.cgroup;
    struct shale_kv *v = arena_array(a, rt.n_items + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t k = 0; k < rt.n_items; k++)
        v[k] = (struct shale_kv){rt.items[k].name, rt.items[k].verdict};
    i->runtimes = v;
    i->n_runtimes = rt.n_items;
    return 0;
}

/* Each driver by name, opened for the sake of its explanation. */
static int put_drivers(struct shale *s, struct shale_info *i, struct arena *a, struct shale_err *e)
{
    static const char *const names[] = {"erofs", "dir"};
    struct shale_kv *v = arena_array(a, ARRAY_SIZE(names), sizeof *v);
    struct rootfs_driver *d;
    struct shale_err why = SHALE_ERR_INIT;

    if (!v)
        return err_nomem(e);
    if (store_driver(s->store, &d, &why) >= 0) {
        i->storage_driver = d->ops->name;
        i->storage_why = arena_strdup(a, d->why);
    } else {
        i->storage_driver = "";
        i->storage_why = arena_strdup(a, why.msg);
    }
    for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
        char memo[64] = "";
        v[k].key = names[k];
        if (rootfs_open(store_root_fd(s->store), store_root(s->store), names[k], memo, &d, &why) >=
            0) {
            v[k].value = arena_strdup(a, d->why);
            d->ops->close(d);
        } else {
            v[k].value = arena_strdup(a, why.msg);
        }
        if (!v[k].value)
            return err_nomem(e);
    }
    i->drivers = v;
    i->n_drivers = ARRAY_SIZE(names);
    return i->storage_why ? 0 : err_nomem(e);
}

int shale_info(struct shale *s, struct shale_info **ret, struct shale_err *e)
{
    struct arena *a;
    struct shale_info *i = result_new(sizeof *i, &a);

    if (!i)
        return err_nomem(e);
    i->root = arena_strdup(a, store_root(s->store));
    int r = i->root ? put_sizes(s, i, e) : err_nomem(e);
    if (r >= 0)
        r = put_host(i, a, e);
    if (r >= 0)
        r = put_runtimes(s, i, a, e);
    if (r >= 0)
        r = put_drivers(s, i, a, e);
    return result_end(r, i, ret);
}

int shale_fsck(struct shale *s, const struct shale_fsck_opts *opts, struct shale_fsck_result **ret,
               struct shale_err *e)
{
    struct shale_fsck_opts o;
    struct arena *a;
    struct shale_fsck_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(store_fsck(s->store, &o, res, &s->cancel, e), res, ret);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/mounts.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/version.h"
#include "http/http.h"
#include "model/mirror.h"
#include "rootfs/rootfs.h"

#define OPTIONS_MAX_BYTES (1u << 20)

/* ---- results ---- */

struct result {
    struct arena arena;
    max_align_t payload[];
};

void *result_new(size_t size, struct arena **ret_arena)
{
    struct result *r = mem_alloc(sizeof *r + size);

    if (!r)
        return NULL;
    arena_init(&r->arena, 1ull << 30);
    *ret_arena = &r->arena;
    return r->payload;
}

void shale_free(void *result)
{
    if (!result)
        return;
    struct result *r = (struct result *)((char *)result - offsetof(struct result, payload));
    arena_clear(&r->arena);
    free(r);
}

int result_end(int r, void *result, void *ret)
{
    if (r < 0)
        shale_free(result);
    else
        *(void **)ret = result;
    return r < 0 ? r : 0;
}

void engine_take_opts(void *dst, size_t dst_size, const void *src)
{
    size_t n;

    memset(dst, 0, dst_size);
    if (!src)
        return;
    memcpy(&n, src, sizeof n); /* every options struct begins with its size */
    memcpy(dst, src, n < dst_size ? n : dst_size);
}

/* ---- opening ---- */

const char *shale_version(void)
{
    return SHALE_VERSION;
}

/* Default places: root's is the system's, a user's is below the home directory. */
int engine_choose_root(const char *given, struct arena *a, const char **ret, struct shale_err *e)
{
    const char *home = getenv("HOME"), *data = getenv("XDG_DATA_HOME");
    char cwd[PATH_MAX];

    if (!given || !*given)
        given = getenv("SHALE_ROOT");
    if (given && given[0] == '/') {
        *ret = arena_strdup(a, given);
    } else if (given && *given) {
        if (!getcwd(cwd, sizeof cwd))
            return err_sys(e, "current directory");
        *ret = arena_printf(a, "%s/%s", cwd, given);
    } else if (!proc_is_user()) {
        *ret = "/var/lib/shale";
    } else if (data && data[0] == '/') {
        *ret = arena_printf(a, "%s/shale", data);
    } else if (home && home[0] == '/') {
        *ret = arena_printf(a, "%s/.local/share/shale", home);
    } else {
        return err_set(e, SHALE_INVALID, "no place for the store: set SHALE_ROOT or HOME");
    }
    return *ret ? 0 : err_nomem(e);
}

static const char **copy_list(struct arena *a, const char *const *v)
{
    size_t n = 0;

    while (v && v[n])
        n++;
    const char **copy = arena_array(a, n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = arena_strdup(a, v[i]);
        if (!copy[i])
            return NULL;
    }
    return copy;
}

static int keep_remote_opts(struct shale *s, const struct shale_open_opts *o,
                            const struct tuning *t, struct shale_err *e)
{
    struct remote_opts ro = REMOTE_OPTS_INIT;
    char dir[PATH_MAX];
    const char *config = o->config_dir ? o->config_dir : remote_default_config_dir(dir, sizeof dir);

    ro.config_dir = arena_strdup(&s->arena, config);
    ro.certs_dir = arena_strdup(&s->arena, o->certs_dir ? o->certs_dir : REMOTE_CERTS_DIR);
    ro.insecure = copy_list(&s->arena, o->insecure_registries);
    ro.any_insecure = o->any_insecure;
    ro.mirrors = copy_list(&s->arena, o->registry_mirrors);
    ro.user_agent = "shale/" SHALE_VERSION;
    if (t->retries >= 0)
        ro.n_retries = (uint32_t)t->retries;
    if (t->connect_timeout > 0)
        ro.connect_timeout_ns = t->connect_timeout;
    if (t->stall_timeout > 0)
        ro.stall_timeout_ns = t->stall_timeout;
    if (t->helper_timeout > 0)
        ro.helper_timeout_ns = t->helper_timeout;
    if ((config && !ro.config_dir) || !ro.certs_dir || !ro.insecure || !ro.mirrors)
        return err_nomem(e);
    for (size_t i = 0; ro.mirrors[i]; i++) {
        int r = mirror_check(ro.mirrors[i], e);
        if (r < 0)
            return r;
    }
    s->remote_opts = ro;
    return 0;
}

/* Containers that end while nobody watches call us back: the program that uses the library, if it
 * is shale itself, else shale from PATH is not ours to assume. */
static int keep_command(struct shale *s, const char *self, const char *root, const char *driver,
                        const char *verb, const char ***ret, struct shale_err *e)
{
    const char **v = arena_array(&s->arena, 8, sizeof *v);
    size_t k = 0;

    if (!v)
        return err_nomem(e);
    v[k++] = arena_strdup(&s->arena, self);
    v[k++] = "--root";
    v[k++] = arena_strdup(&s->arena, root);
    if (driver) {
        v[k++] = "--storage-driver";
        v[k++] = arena_strdup(&s->arena, driver);
    }
    v[k++] = verb;
    for (size_t i = 0; i < k; i++)
        if (!v[i])
            return err_nomem(e);
    *ret = v;
    return 0;
}

static int keep_commands(struct shale *s, const char *root, const char *driver, struct shale_err *e)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n <= 0)
        return 0;
    self[n] = 0;
    const char *slash = strrchr(self, '/');
    if (!slash || !streq(slash + 1, "shale"))
        return 0;
    int r = keep_command(s, self, root, driver, "__cleanup", &s->exit_command, e);
    if (r >= 0)
        r = keep_command(s, self, root, driver, "__keep", &s->keeper_command, e);
    if (r >= 0)
        r = keep_command(s, self, root, driver, "__watch", &s->watcher_command, e);
    return r < 0 ? r : keep_command(s, self, root, driver, "__ports", &s->ports_command, e);
}

static void on_debug(void *arg, enum log_level level, const char *msg)
{
    const struct shale_open_opts *o = arg;

    o->on_debug(o->on_debug_arg, msg);
}

static int keep_runtime(struct shale *s, const struct shale_open_opts *o, struct shale_err *e)
{
    if (!o->runtime || !*o->runtime)
        return 0;
    s->runtime = arena_strdup(&s->arena, o->runtime);
    return s->runtime ? 0 : err_nomem(e);
}

static int open_parts(struct shale *s, const struct shale_open_opts *o, struct shale_err *e)
{
    const char *root;
    struct tuning t;
    int r = engine_choose_root(o->root, &s->arena, &root, e);

    if (r >= 0)
        r = engine_tuning(&t, e);
    if (r >= 0)
        r = keep_remote_opts(s, o, &t, e);
    if (r < 0)
        return r;
    const char *driver =
        o->storage_driver && *o->storage_driver && !streq(o->storage_driver, "auto")
            ? o->storage_driver
            : NULL;
    r = rootfs_check_name(driver, e);
    if (r >= 0)
        r = keep_runtime(s, o, e);
    if (r < 0)
        return r;
    r = keep_commands(s, root, driver, e);
    if (r < 0)
        return r;
    struct store_opts so = {
        .root = root,
        .driver = driver,
        .read_only = o->read_only,
        .max_inflate_ratio = t.max_inflate_ratio > 0 ? (uint64_t)t.max_inflate_ratio : 0,
    };
    return store_open(&so, &s->store, e);
}

int shale_open(const struct shale_open_opts *opts, struct shale **ret, struct shale_err *e)
{
    struct shale *s = mem_alloc(sizeof *s);
    struct shale_open_opts o;
    int r;

    if (!s)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    arena_init(&s->arena, OPTIONS_MAX_BYTES);
    pthread_mutex_init(&s->mutex, NULL);
    if (o.on_debug) {
        struct shale_open_opts *kept = arena_memdup(&s->arena, &o, sizeof o);
        if (kept)
            log_set_sink(on_debug, kept);
        s->debug = kept;
    }
    if (o.online)
        http_preload_begin(&s->preload);
    r = open_parts(s, &o, e);
    if (r < 0) {
        shale_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

int shale_open_shared(struct shale *with, const struct shale_open_opts *opts, struct shale **ret,
                      struct shale_err *e)
{
    struct shale *s = mem_alloc(sizeof *s);
    struct shale_open_opts o;
    struct tuning t;

    if (!s)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    arena_init(&s->arena, OPTIONS_MAX_BYTES);
    pthread_mutex_init(&s->mutex, NULL);
    s->store = with->store;
    s->shared = true;
    s->exit_command = with->exit_command;
    s->keeper_command = with->keeper_command;
    s->watcher_command = with->watcher_command;
    s->ports_command = with->ports_command;
    int r = engine_tuning(&t, e);
    if (r >= 0)
        r = keep_remote_opts(s, &o, &t, e);
    if (r >= 0)
        r = keep_runtime(s, &o, e);
    if (r < 0) {
        shale_close(s);
        return r;
    }
    *ret = s;
    return 0;
}

void shale_close(struct shale *s)
{
    if (!s)
        return;
    http_preload_end(&s->preload);
    remote_client_close(s->remote);
    if (!s->shared)
        store_close(s->store);
    if (s->debug)
        log_drop_sink(s->debug);
    pthread_mutex_destroy(&s->mutex);
    arena_clear(&s->arena);
    free(s);
}

int shale_state(struct shale *s, struct shale_state *ret, struct shale_err *e)
{
    struct meta_stamp at;
    int r = meta_stamp(store_meta(s->store), &at, e);

    if (r >= 0)
        *ret = (struct shale_state){at.others, at.own, (int64_t)mounts_stamp()};
    return r;
}

void shale_cancel(struct shale *s)
{
    cancel_set(&s->cancel);
}

/* ---- hosts ---- */

struct image_host engine_image_host(struct shale *s)
{
    return (struct image_host){.store = s->store, .cancel = &s->cancel};
}

int engine_remote_host(struct shale *s, struct image_host *ret, struct shale_err *e)
{
    int r = 0;

    pthread_mutex_lock(&s->mutex);
    if (!s->remote)
        r = remote_client_open(&s->remote_opts, &s->remote, e);
    *ret = (struct image_host){.store = s->store, .remote = s->remote, .cancel = &s->cancel};
    pthread_mutex_unlock(&s->mutex);
    return r;
}

struct container_host engine_container_host(struct shale *s)
{
    return (struct container_host){.store = s->store,
                                   .cancel = &s->cancel,
                                   .runtime = s->runtime,
                                   .exit_command = s->exit_command,
                                   .keeper_command = s->keeper_command,
                                   .watcher_command = s->watcher_command,
                                   .ports_command = s->ports_command};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* include/shale/registry.h: a registry needs no store, only a folder. */
#include "registry/registry.h"

#include <shale/registry.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/engine_priv.h"

#define DEFAULT_STOP_NS (30 * NS_PER_S)

struct shale_registry {
    struct registry *r;
    int64_t grace_ns;
};

static int choose_folder(const char *root, const char *store_root, struct arena *a,
                         const char **ret, struct shale_err *e)
{
    const char *store;

    if (root && *root) {
        *ret = root;
        return 0;
    }
    int r = engine_choose_root(store_root, a, &store, e);
    if (r < 0)
        return r;
    *ret = arena_printf(a, "%s/registry", store);
    return *ret ? 0 : err_nomem(e);
}

/* Connections are descriptors: as many as the system lets us have. */
static void raise_limit(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l);
    }
}

static int start(const struct shale_registry_opts *o, const char *root, struct shale_registry *s,
                 struct shale_err *e)
{
    struct registry_opts ro = {
        .root = root,
        .addresses = o->addresses,
        .cert_file = o->tls_cert,
        .key_file = o->tls_key,
        .read_only = o->read_only,
        .no_delete = o->no_delete,
        .open_to_all = o->open_to_all,
        .idle_ns = o->timeout_ns,
        .head_ns = o->timeout_ns / 3,
        .stall_ns = o->timeout_ns,
    };
    int r = registry_open(&ro, &s->r, e);

    if (r < 0)
        return r;
    raise_limit();
    return registry_listen(s->r, e);
}

int shale_registry_serve(const struct shale_registry_opts *opts, struct shale_registry **ret,
                         struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
    struct shale_registry *s = mem_alloc(sizeof *s);
    struct shale_registry_opts o;
    const char *root = NULL;

    if (!s)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    s->grace_ns = o.grace_ns > 0 ? o.grace_ns : DEFAULT_STOP_NS;
    int r = choose_folder(o.root, o.store_root, &a, &root, e);
    if (r >= 0)
        r = start(&o, root, s, e);
    if (r < 0) {
        shale_registry_stop(s);
        return r;
    }
    *ret = s;
    return 0;
}

const char *shale_registry_address(const struct shale_registry *s, size_t i)
{
    return registry_address(s->r, i);
}

int shale_registry_reload(struct shale_registry *s, struct shale_err *e)
{
    return registry_reload(s->r, e);
}

void shale_registry_stop(struct shale_registry *s)
{
    if (!s)
        return;
    registry_close(s->r, s->grace_ns);
    free(s);
}

int shale_registry_gc(const struct shale_registry_gc_opts *opts,
                      struct shale_registry_gc_result **ret, struct shale_err *e)
{
    struct shale_registry_gc_opts o;
    struct registry_gc_result n;
    struct arena *a;
    const char *root;
    struct shale_registry_gc_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    struct registry_gc_opts go = {
        .grace_ns = o.grace_ns == 0  ? -1
                    : o.grace_ns < 0 ? 0
                                     : o.grace_ns,
        .untagged = o.untagged,
        .dry_run = o.dry_run,
        .on_remove = o.on_remove,
        .arg = o.arg,
    };
    int r = choose_folder(o.root, o.store_root, a, &root, e);
    if (r >= 0)
        r = registry_gc(root, &go, NULL, &n, e);
    if (r >= 0)
        *res = (struct shale_registry_gc_result){n.n_manifests, n.n_links, n.n_blobs, n.n_uploads,
                                                 n.n_bytes};
    return result_end(r, res, ret);
}

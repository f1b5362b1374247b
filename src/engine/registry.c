/* SPDX-License-Identifier: Apache-2.0 */
/* include/shale/registry.h: a registry needs no store, only a folder. */
#include "registry/registry.h"

#include <inttypes.h>
#include <shale/registry.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/engine_priv.h"
#include "registry/regconf.h"

#define ARENA_BYTES (4u << 20)
#define MAX_SETS    4096

struct shale_registry {
    struct registry *r;
    struct arena arena; /* of what follows: for reloading */
    const char *config; /* NULL: none */
    struct regconf_set *sets;
    size_t n_sets;
    void (*on_warning)(void *arg, const char *message);
    void *arg;
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

static void on_log(void *arg, enum log_level level, const char *message)
{
    const struct shale_registry *s = arg;

    if (level == LOG_WARN)
        s->on_warning(s->arg, message);
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

/* ---- options, as settings over the file ---- */

static int add_set(struct shale_registry *s, const char *option, const char *section,
                   const char *key, const char *value, struct shale_err *e)
{
    if (s->n_sets == MAX_SETS)
        return err_set(e, SHALE_LIMIT, "more than %d settings", MAX_SETS);
    struct regconf_set *x = &s->sets[s->n_sets++];
    x->option = option;
    x->section = section;
    x->key = key;
    x->value = arena_strdup(&s->arena, value);
    return x->value ? 0 : err_nomem(e);
}

static int add_ns(struct shale_registry *s, const char *option, const char *section,
                  const char *key, int64_t ns, struct shale_err *e)
{
    char text[32];

    snprintf(text, sizeof text, "%" PRId64 "ms", (int64_t)(ns / NS_PER_MS));
    return add_set(s, option, section, key, text, e);
}

/* What belongs to a listener: of each address, or of the file's last one. */
static int add_listener(struct shale_registry *s, const struct shale_registry_opts *o,
                        const char *address, struct shale_err *e)
{
    const struct {
        const char *option, *key, *value;
    } v[] = {
        {"--addr", "address", address},
        {"--tls-cert", "tls_cert", o->tls_cert},
        {"--tls-key", "tls_key", o->tls_key},
        {"--open", "open", o->open_to_all ? "yes" : NULL},
    };
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(v); i++)
        if (v[i].value)
            r = add_set(s, v[i].option, "listen", v[i].key, v[i].value, e);
    return r;
}

static int add_sets(struct shale_registry *s, const struct shale_registry_opts *o,
                    struct shale_err *e)
{
    static const char *const timeouts[] = {"idle_timeout", "stall_timeout", "header_timeout"};
    int r = 0;

    s->sets = arena_array(&s->arena, MAX_SETS, sizeof *s->sets);
    if (!s->sets)
        return err_nomem(e);
    if (!o->addresses || !o->addresses[0])
        r = add_listener(s, o, NULL, e);
    for (size_t i = 0; r >= 0 && o->addresses && o->addresses[i]; i++)
        r = add_listener(s, o, o->addresses[i], e);
    if (r >= 0 && o->root && *o->root)
        r = add_set(s, "--storage", "storage", "root", o->root, e);
    if (r >= 0 && o->read_only)
        r = add_set(s, "--read-only", "server", "read_only", "yes", e);
    if (r >= 0 && o->no_delete)
        r = add_set(s, "--no-delete", "server", "delete", "no", e);
    if (r >= 0 && o->grace_ns > 0)
        r = add_ns(s, "--grace", "server", "shutdown_timeout", o->grace_ns, e);
    for (size_t i = 0; r >= 0 && o->timeout_ns > 0 && i < ARRAY_SIZE(timeouts); i++)
        r = add_ns(s, "--timeout", "limits", timeouts[i], o->timeout_ns, e);
    return r;
}

/* The file that is named, or the usual one where it is there. */
static int choose_config(struct shale_registry *s, const char *config, struct shale_err *e)
{
    if (!config && access(REGCONF_FILE, F_OK) == 0)
        config = REGCONF_FILE;
    s->config = config && *config ? arena_strdup(&s->arena, config) : NULL;
    return config && *config && !s->config ? err_nomem(e) : 0;
}

static int start(struct shale_registry *s, const struct shale_registry_opts *o, struct shale_err *e)
{
    struct regconf *conf = NULL;
    const char *root = NULL;

    s->on_warning = o->on_warning;
    s->arg = o->arg;
    if (o->on_warning)
        log_set_sink(on_log, s);
    int r = choose_config(s, o->config, e);

    if (r >= 0)
        r = add_sets(s, o, e);
    if (r >= 0)
        r = regconf_load(s->config, s->sets, s->n_sets, &conf, e);
    if (r < 0)
        return r;
    if (!conf->storage.root)
        r = choose_folder(NULL, o->store_root, &s->arena, &root, e);
    if (r < 0) {
        regconf_free(conf);
        return r;
    }
    r = registry_open(conf, root, &s->r, e);
    if (r < 0)
        return r;
    raise_limit();
    return registry_listen(s->r, e);
}

int shale_registry_serve(const struct shale_registry_opts *opts, struct shale_registry **ret,
                         struct shale_err *e)
{
    struct shale_registry *s = mem_alloc(sizeof *s);
    struct shale_registry_opts o;

    if (!s)
        return err_nomem(e);
    arena_init(&s->arena, ARENA_BYTES);
    engine_take_opts(&o, sizeof o, opts);
    int r = start(s, &o, e);
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
    struct regconf *conf = NULL;
    int r = regconf_load(s->config, s->sets, s->n_sets, &conf, e);

    return r < 0 ? r : registry_reload(s->r, conf, e);
}

bool shale_registry_alive(const struct shale_registry *s)
{
    return registry_alive(s->r);
}

void shale_registry_stop(struct shale_registry *s)
{
    if (!s)
        return;
    registry_close(s->r);
    if (s->on_warning)
        log_set_sink(NULL, NULL);
    arena_clear(&s->arena);
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

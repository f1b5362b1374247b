/* SPDX-License-Identifier: Apache-2.0 */
/* include/shale/registry.h: a registry needs no store, only a folder. */
#include "registry/registry.h"

#include <inttypes.h>
#include <shale/registry.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "engine/engine_priv.h"
#include "registry/index/indexer.h"
#include "registry/conf/regconf.h"

#define ARENA_BYTES (4u << 20)
#define MAX_SETS    4096

struct shale_registry {
    struct registry *r;
    struct arena arena; /* of what follows: for reloading */
    const char *config; /* NULL: none */
    bool usual;         /* … but the usual one, should it come to be there */
    struct regconf_set *sets;
    size_t n_sets;
    void (*on_warning)(void *arg, const char *message);
    void (*on_info)(void *arg, const char *message);
    void *arg;
    atomic_int level; /* enum regconf_level */
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

    int most = atomic_load_explicit(&s->level, memory_order_relaxed);

    if (level == LOG_WARN && s->on_warning)
        s->on_warning(s->arg, message);
    if (s->on_info && ((level == LOG_INFO && most >= REGCONF_LEVEL_INFO) ||
                       (level == LOG_DEBUG && most >= REGCONF_LEVEL_DEBUG)))
        s->on_info(s->arg, message);
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

/* The file that is named, or the usual one where it is there; NULL: none. */
static const char *choose_config(const char *config)
{
    if (!config && access(REGCONF_FILE, F_OK) == 0)
        config = REGCONF_FILE;
    return config && *config ? config : NULL;
}

static int start(struct shale_registry *s, const struct shale_registry_opts *o, struct shale_err *e)
{
    struct regconf *conf = NULL;
    const char *root = NULL;

    s->on_warning = o->on_warning;
    s->on_info = o->on_info;
    s->arg = o->arg;
    if (o->on_warning || o->on_info)
        log_set_sink(on_log, s);
    const char *config = choose_config(o->config);
    int r = 0;

    s->usual = !o->config;

    if (config && !(s->config = arena_strdup(&s->arena, config)))
        r = err_nomem(e);
    if (r >= 0)
        r = add_sets(s, o, e);
    if (r >= 0)
        r = regconf_load(s->config, s->sets, s->n_sets, &conf, e);
    if (r < 0)
        return r;
    atomic_store(&s->level, conf->log.level);
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
    const char *config = s->config || !s->usual ? s->config : choose_config(NULL);
    int r = regconf_load(config, s->sets, s->n_sets, &conf, e);

    if (r < 0)
        return r;
    int level = conf->log.level;
    r = registry_reload(s->r, conf, e);
    if (r >= 0)
        atomic_store(&s->level, level);
    return r;
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
    if (s->on_warning || s->on_info)
        log_set_sink(NULL, NULL);
    arena_clear(&s->arena);
    free(s);
}

/* ---- beside servers ---- */

static void conf_freep(struct regconf **c)
{
    regconf_free(*c);
}

/* The config, and the folder that it or an option names. */
static int load_for(const char *config, const char *root, const char *store_root, struct arena *a,
                    struct regconf **ret, const char **ret_root, struct shale_err *e)
{
    /* Without a login the file may be for a server that gets its addresses on the command line. */
    static const struct regconf_set anywhere = {"", "listen", "address", "127.0.0.1:0"};
    int r = regconf_load(choose_config(config), &anywhere, 1, ret, e);

    if (r < 0)
        return r;
    return choose_folder(root && *root ? root : (*ret)->storage.root, store_root, a, ret_root, e);
}

static bool wants_deletes(const struct regconf *c)
{
    unsigned events = 0;

    for (size_t i = 0; i < c->n_notify; i++)
        events |= c->notify[i].events;
    return events & REGCONF_EVENT_DELETE;
}

static void on_item(void *arg, const struct registry_gc_item *i)
{
    const struct shale_registry_gc_opts *o = arg;
    struct shale_registry_gc_item item = {i->kind, i->repo, i->name, i->digest, i->why, i->bytes};

    o->on_remove(o->arg, &item);
}

int shale_registry_gc(const struct shale_registry_gc_opts *opts,
                      struct shale_registry_gc_result **ret, struct shale_err *e)
{
    _cleanup_(conf_freep) struct regconf *conf = NULL;
    struct shale_registry_gc_opts o;
    struct registry_gc_result n;
    struct arena *a;
    const char *root;
    struct shale_registry_gc_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = load_for(o.config, o.root, o.store_root, a, &conf, &root, e);
    if (r >= 0) {
        struct registry_gc_opts go = {
            .grace_ns = o.grace_ns == 0  ? conf->gc.grace_ns
                        : o.grace_ns < 0 ? 0
                                         : o.grace_ns,
            .untagged = o.untagged || conf->gc.untagged,
            .dry_run = o.dry_run,
            .retain = &conf->retain,
            .upload_age_ns = conf->storage.upload_age_ns,
            .on_remove = o.on_remove ? on_item : NULL,
            .events = wants_deletes(conf),
            .arg = &o,
        };
        r = registry_gc(root, &go, NULL, &n, e);
    }
    if (r >= 0)
        *res = (struct shale_registry_gc_result){n.n_manifests, n.n_links, n.n_blobs,
                                                 n.n_uploads,   n.n_bytes, n.n_tags};
    return result_end(r, res, ret);
}

int shale_registry_usage(const struct shale_registry_usage_opts *opts,
                         struct shale_registry_usage_list **ret, struct shale_err *e)
{
    _cleanup_(conf_freep) struct regconf *conf = NULL;
    struct shale_registry_usage_opts o;
    struct registry_usage *v = NULL;
    struct arena *a;
    const char *root;
    struct shale_registry_usage_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = load_for(o.config, o.root, o.store_root, a, &conf, &root, e);
    if (r >= 0)
        r = registry_usage(root, conf, a, &v, &res->n_rows, &res->total_bytes, e);
    if (r >= 0 && !(res->rows = arena_array(a, res->n_rows + 1, sizeof *res->rows)))
        r = err_nomem(e);
    for (size_t i = 0; r >= 0 && i < res->n_rows; i++)
        res->rows[i] = (struct shale_registry_usage_row){
            v[i].repo, v[i].n_tags, v[i].n_manifests, v[i].n_blobs, v[i].bytes, v[i].quota};
    return result_end(r, res, ret);
}

static int update_index(const struct shale_registry_index_opts *o, struct arena *a,
                        struct index_result *ret, struct shale_err *e)
{
    struct regconf_set set = {"--storage", "storage", "root", o->root};
    bool given = o->root && *o->root, usual = !o->config && access(REGCONF_FILE, F_OK) == 0;
    const char *file = usual ? REGCONF_FILE : o->config && *o->config ? o->config : NULL;
    struct regconf *conf = NULL;
    const char *root = NULL;
    int r = regconf_load(file, &set, given, &conf, e);

    if (r < 0)
        return r;
    if (conf->storage.root)
        root = arena_strdup(a, conf->storage.root);
    else
        r = choose_folder(NULL, o->store_root, a, &root, e);
    if (r >= 0 && !root)
        r = err_nomem(e);
    if (r >= 0 && access(root, F_OK) < 0)
        r = err_sys(e, "registry %s", root);
    if (r < 0) {
        regconf_free(conf);
        return r;
    }
    return registry_index(conf, root, o->rebuild, NULL, ret, e);
}

int shale_registry_index(const struct shale_registry_index_opts *opts,
                         struct shale_registry_index_result **ret, struct shale_err *e)
{
    struct shale_registry_index_opts o;
    struct index_result n = {0};
    struct arena *a;
    struct shale_registry_index_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = update_index(&o, a, &n, e);
    if (r >= 0)
        *res =
            (struct shale_registry_index_result){n.n_manifests, n.n_layers, n.n_files, n.n_failed};
    return result_end(r, res, ret);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "registry/index/index.h"
#include "registry/upstream/pull.h"

#define ARENA_BYTES (1u << 20)
#define CACHE_BYTES (8u << 20)      /* of manifests in memory */
#define DEAD_NS     (10 * NS_PER_S) /* the thread that accepts goes round every second */

/* ---- opening ---- */

static int open_storage(struct registry *r, struct shale_err *e)
{
    int k = r->read_only ? 0 : fs_mkdir_p(AT_FDCWD, r->root, 0755, e);

    if (k < 0)
        return k;
    r->root_fd = fs_open_dir(AT_FDCWD, r->root, e);
    if (r->root_fd < 0)
        return r->root_fd;
    k = blobs_open(r->root_fd, r->read_only, &r->blobs, e);
    if (k >= 0)
        k = blobs_open_uploads(r->blobs, r->root_fd, e);
    if (k >= 0)
        k = state_open(r->root_fd, r->root, r->blobs, r->read_only, &r->state, e);
    if (k >= 0)
        k = cache_new(state_has_generations(r->state) ? CACHE_BYTES : 0, &r->cache, e);
    if (k >= 0)
        k = sessions_new(r->blobs, &r->sessions, e);
    if (k >= 0)
        k = index_open(r->root_fd, r->root, r->read_only, &r->index, e);
    return k;
}

static int open_all(struct registry *r, struct regconf *conf, const char *root, struct shale_err *e)
{
    struct live *v = NULL;
    int k = live_open(r, conf, &v, e);

    if (k < 0)
        return k;
    live_replace(r, v);
    r->first = live_get(r);
    r->read_only = v->conf->server.read_only;
    r->root = arena_strdup(&r->arena, v->conf->storage.root ? v->conf->storage.root : root);
    for (size_t i = 0; i < v->conf->n_notify; i++)
        r->events |= v->conf->notify[i].events;
    if (!r->root)
        return err_nomem(e);
    k = random_hex(r->instance, 8, e);
    if (k >= 0)
        k = metrics_new(account_routes, _ROUTE_MAX, &r->metrics, e);
    if (k >= 0)
        k = open_storage(r, e);
    return k < 0 ? err_wrap(e, k, "registry %s", r->root) : 0;
}

int registry_open(struct regconf *conf, const char *root, struct registry **ret,
                  struct shale_err *e)
{
    struct registry *r = mem_alloc(sizeof *r);

    if (!r) {
        regconf_free(conf);
        return err_nomem(e);
    }
    r->root_fd = -1;
    pthread_mutex_init(&r->mutex, NULL);
    arena_init(&r->arena, ARENA_BYTES);
    int k = open_all(r, conf, root, e);
    if (k < 0) {
        registry_close(r);
        return k;
    }
    *ret = r;
    return 0;
}

/* ---- serving ---- */

static struct http_cert cert_of(const struct regconf_listen *l)
{
    return (struct http_cert){l->tls_cert, l->tls_key, l->tls_client_ca, regconf_needs_client(l),
                              l->tls_client_crl};
}

static int listen_one(struct registry *r, const struct regconf_listen *c, struct shale_err *e)
{
    struct http_listener *l = &r->listeners[r->n_listeners];
    bool anybody = r->first->conf->auth.type == REGCONF_AUTH_NONE;
    const char *address = arena_printf(&r->arena, strchr(c->host, ':') ? "[%s]:%u" : "%s:%u",
                                       c->host, (unsigned)c->port);

    if (!address)
        return err_nomem(e);
    int k = http_listen_tcp(address, l, e);
    if (k < 0)
        return k;
    char *name = r->addresses[r->n_listeners++];
    l->tls = c->tls_cert != NULL;
    if (l->tls) {
        l->cert = r->n_certs;
        r->certs[r->n_certs++] = cert_of(c);
    }
    if (anybody && !c->open && !regconf_needs_client(c) && !http_listener_is_local(l))
        return err_set(e, SHALE_INVALID,
                       "%s can be reached by others, and nobody has to log in: say --open if "
                       "that is what you want",
                       l->name);
    snprintf(name, sizeof r->addresses[0], "%s://%s", l->tls ? "https" : "http", l->name);
    return 0;
}

static int listen_all(struct registry *r, struct shale_err *e)
{
    const struct regconf *c = r->first->conf;
    int k = 0;

    r->listeners = arena_array(&r->arena, c->n_listen, sizeof *r->listeners);
    r->addresses = arena_array(&r->arena, c->n_listen, sizeof *r->addresses);
    r->certs = arena_array(&r->arena, c->n_listen, sizeof *r->certs);
    if (!r->listeners || !r->addresses || !r->certs)
        return err_nomem(e);
    for (size_t i = 0; k >= 0 && i < c->n_listen; i++)
        k = listen_one(r, &c->listen[i], e);
    return k;
}

static int open_notify(struct registry *r, struct shale_err *e)
{
    const struct regconf *c = r->first->conf;

    if (c->n_notify == 0)
        return 0;
    const char *url = c->server.public_url ? c->server.public_url : r->addresses[0];
    const char *host = strstr(url, "://");
    return notify_open(c, r->root_fd, host ? host + 3 : url, r->metrics, &r->notify, e);
}

void registry_indexer_opts(const struct regconf *c, struct indexer_opts *ret)
{
    *ret = (struct indexer_opts){
        .contents = c->index.contents,
        .max_files = c->index.max_files,
        .max_bytes = c->index.max_layer_bytes,
        .memory_bytes = c->index.memory_bytes,
    };
}

static int start_indexer(struct registry *r, struct shale_err *e)
{
    struct indexer_opts o;

    registry_indexer_opts(r->first->conf, &o);
    return indexer_start(r->index, r->blobs, r->root_fd, &o, &r->indexer, e);
}

static void let_go(void *arg)
{
    pull_let_go(((struct registry *)arg)->pull);
}

static int serve(struct registry *r, struct shale_err *e)
{
    const struct regconf *c = r->first->conf;
    struct http_server_opts so = {
        .handle = registry_handle,
        .let_go = let_go,
        .arg = r,
        .certs = r->certs,
        .n_certs = r->n_certs,
        .n_threads = (size_t)c->server.threads,
        .max_connections = (size_t)c->limits.connections,
        .head_bytes = (size_t)c->limits.header_bytes,
        .max_per_peer = (size_t)c->limits.connections_per_peer,
        .idle_ns = c->limits.idle_timeout_ns,
        .head_ns = c->limits.header_timeout_ns,
        .stall_ns = c->limits.stall_timeout_ns,
    };
    int k = open_notify(r, e);

    if (k >= 0)
        k = janitor_start(r, e);
    if (k >= 0 && !r->read_only)
        k = start_indexer(r, e);
    return k < 0 ? k : http_server_start(&so, r->listeners, r->n_listeners, &r->server, e);
}

int registry_listen(struct registry *r, struct shale_err *e)
{
    int k = listen_all(r, e);

    if (k >= 0)
        k = serve(r, e);
    if (k < 0) {
        for (size_t i = 0; i < r->n_listeners; i++)
            close(r->listeners[i].fd);
        r->n_listeners = 0;
    }
    return k;
}

const char *registry_address(const struct registry *r, size_t i)
{
    return i < r->n_listeners ? r->addresses[i] : NULL;
}

bool registry_alive(const struct registry *r)
{
    return time_mono_ns() - http_server_beat(r->server) < DEAD_NS;
}

/* ---- reloading ---- */

/* The listener of the new config on the same address. */
static const struct regconf_listen *same_listener(const struct regconf *c, const char *address)
{
    for (size_t i = 0; i < c->n_listen; i++)
        if (streq(c->listen[i].address, address))
            return &c->listen[i];
    return NULL;
}

static int reload_tls(struct registry *r, const struct regconf *c, struct shale_err *e)
{
    const struct regconf *first = r->first->conf;
    bool same = c->n_listen == first->n_listen;
    _cleanup_free_ struct http_cert *certs = mem_array(r->n_certs + 1, sizeof *certs);

    if (!certs)
        return err_nomem(e);
    for (size_t i = 0; i < first->n_listen; i++) {
        const struct regconf_listen *l = same_listener(c, first->listen[i].address);
        bool tls = r->listeners[i].tls;
        same = same && l && (l->tls_cert != NULL) == tls;
        if (tls && l && l->tls_cert)
            certs[r->listeners[i].cert] = cert_of(l);
    }
    int k = http_server_reload_tls(r->server, certs, r->n_certs, e);
    if (k >= 0 && !same)
        log_warn("the listeners of the config have changed: that needs a restart");
    return k;
}

/* Open listeners were allowed because of a login: it may not go away under them. */
static int check_open(const struct registry *r, const struct regconf *c, struct shale_err *e)
{
    for (size_t i = 0; c->auth.type == REGCONF_AUTH_NONE && i < r->n_listeners; i++) {
        const struct regconf_listen *l = same_listener(c, r->first->conf->listen[i].address);
        if (!http_listener_is_local(&r->listeners[i]) &&
            !(l && (l->open || regconf_needs_client(l))))
            return err_set(e, SHALE_INVALID,
                           "%s can be reached by others: [auth] type = none needs a restart there",
                           r->listeners[i].name);
    }
    return 0;
}

int registry_reload(struct registry *r, struct regconf *conf, struct shale_err *e)
{
    struct live *v = NULL;
    int k = check_open(r, conf, e);

    if (k < 0) {
        regconf_free(conf);
        return k;
    }
    k = live_open(r, conf, &v, e);
    if (k < 0)
        return k;
    k = reload_tls(r, v->conf, e);
    if (k < 0) {
        live_drop(r, v);
        return k;
    }
    live_replace(r, v);
    return 0;
}

/* ---- the index ---- */

int registry_index(struct regconf *conf, const char *root, bool rebuild, struct cancel *cancel,
                   struct index_result *ret, struct shale_err *e)
{
    struct registry *r = NULL;
    struct indexer_opts o;
    int k = registry_open(conf, root, &r, e);

    if (k < 0)
        return k;
    registry_indexer_opts(r->first->conf, &o);
    if (r->read_only)
        k = err_set(e, SHALE_DENIED, "the registry is read-only");
    else
        k = index_update(r->index, r->blobs, r->root_fd, &o, rebuild, cancel, ret, e);
    registry_close(r);
    return k;
}

/* ---- the end ---- */

struct registry *registry_close(struct registry *r)
{
    if (!r)
        return NULL;
    if (r->server)
        http_server_stop(r->server, r->first->conf->server.shutdown_timeout_ns);
    janitor_stop(r);
    r->pull = pull_close(r->pull);
    indexer_stop(r->indexer);
    notify_close(r->notify);
    if (r->first)
        live_put(r->first);
    live_replace(r, NULL);
    live_sweep(r);
    metrics_free(r->metrics);
    sessions_free(r->sessions);
    cache_free(r->cache);
    index_close(r->index);
    state_close(r->state);
    blobs_close(r->blobs);
    if (r->root_fd >= 0)
        close(r->root_fd);
    pthread_mutex_destroy(&r->mutex);
    arena_clear(&r->arena);
    free(r);
    return NULL;
}

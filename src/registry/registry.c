/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/registry.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "registry/reg.h"

#define OPTIONS_ARENA (1u << 20)
#define CACHE_BYTES   (8u << 20)

static int copy_opts(struct registry *r, const struct registry_opts *o, struct shale_err *e)
{
    static const char *const defaults[] = {REGISTRY_DEFAULT_ADDRESS, NULL};
    const char *const *from = o->addresses && o->addresses[0] ? o->addresses : defaults;
    size_t n = 0;

    while (from[n])
        n++;
    r->o = *o;
    const char **v = arena_array(&r->arena, n + 1, sizeof *v);
    r->o.root = arena_strdup(&r->arena, o->root);
    r->o.cert_file = arena_strdup(&r->arena, o->cert_file);
    r->o.key_file = arena_strdup(&r->arena, o->key_file);
    if (!v || !r->o.root || (o->cert_file && !r->o.cert_file) || (o->key_file && !r->o.key_file))
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        v[i] = arena_strdup(&r->arena, from[i]);
        if (!v[i])
            return err_nomem(e);
    }
    r->o.addresses = v;
    if (!o->cert_file != !o->key_file)
        return err_set(e, SHALE_INVALID, "TLS needs a certificate and its key: one is missing");
    if (r->o.upload_age_ns == 0)
        r->o.upload_age_ns = REGISTRY_UPLOAD_AGE;
    if (r->o.cache_bytes == 0)
        r->o.cache_bytes = CACHE_BYTES;
    return 0;
}

static int open_storage(struct registry *r, struct shale_err *e)
{
    int k = r->o.read_only ? 0 : fs_mkdir_p(AT_FDCWD, r->o.root, 0755, e);

    if (k < 0)
        return k;
    r->root_fd = fs_open_dir(AT_FDCWD, r->o.root, e);
    if (r->root_fd < 0)
        return r->root_fd;
    k = blobs_open(r->root_fd, r->o.read_only, &r->blobs, e);
    if (k >= 0)
        k = blobs_open_uploads(r->blobs, r->root_fd, e);
    if (k >= 0)
        k = state_open(r->root_fd, r->o.root, r->blobs, r->o.read_only, &r->state, e);
    if (k >= 0)
        k = cache_new(state_has_generations(r->state) ? r->o.cache_bytes : 0, &r->cache, e);
    if (k >= 0)
        k = sessions_new(r->blobs, &r->sessions, e);
    return k;
}

int registry_open(const struct registry_opts *o, struct registry **ret, struct shale_err *e)
{
    struct registry *r = mem_alloc(sizeof *r);

    if (!r)
        return err_nomem(e);
    r->root_fd = -1;
    arena_init(&r->arena, OPTIONS_ARENA);
    int k = copy_opts(r, o, e);
    if (k >= 0)
        k = open_storage(r, e);
    if (k < 0) {
        registry_close(r, 0);
        return err_wrap(e, k, "registry %s", o->root);
    }
    *ret = r;
    return 0;
}

/* ---- serving ---- */

static int listen_all(struct registry *r, struct shale_err *e)
{
    size_t n = 0;

    while (r->o.addresses[n])
        n++;
    r->listeners = arena_array(&r->arena, n, sizeof *r->listeners);
    r->addresses = arena_array(&r->arena, n, sizeof *r->addresses);
    if (!r->listeners || !r->addresses)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        struct http_listener *l = &r->listeners[i];
        int k = http_listen_tcp(r->o.addresses[i], l, e);
        if (k < 0)
            return k;
        r->n_listeners++;
        l->tls = r->o.cert_file != NULL;
        if (!r->o.open_to_all && !http_listener_is_local(l))
            return err_set(e, SHALE_INVALID,
                           "%s can be reached by others, and nobody has to log in: say --open if "
                           "that is what you want",
                           l->name);
        snprintf(r->addresses[i], sizeof r->addresses[i], "%s://%s", l->tls ? "https" : "http",
                 l->name);
    }
    return 0;
}

int registry_listen(struct registry *r, struct shale_err *e)
{
    struct http_server_opts so = {
        .handle = registry_handle,
        .arg = r,
        .cert_file = r->o.cert_file,
        .key_file = r->o.key_file,
        .max_connections = r->o.max_connections,
        .idle_ns = r->o.idle_ns,
        .head_ns = r->o.head_ns,
        .stall_ns = r->o.stall_ns,
    };
    int k = listen_all(r, e);

    if (k >= 0 && !r->o.read_only)
        k = janitor_start(r, e);
    if (k >= 0)
        k = http_server_start(&so, r->listeners, r->n_listeners, &r->server, e);
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

int registry_reload(struct registry *r, struct shale_err *e)
{
    if (!r->o.cert_file)
        return 0;
    return http_server_reload_tls(r->server, r->o.cert_file, r->o.key_file, e);
}

struct registry *registry_close(struct registry *r, int64_t grace_ns)
{
    if (!r)
        return NULL;
    http_server_stop(r->server, grace_ns);
    janitor_stop(r);
    sessions_free(r->sessions);
    cache_free(r->cache);
    state_close(r->state);
    blobs_close(r->blobs);
    if (r->root_fd >= 0)
        close(r->root_fd);
    arena_clear(&r->arena);
    free(r);
    return NULL;
}

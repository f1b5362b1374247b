/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "remote/remote_priv.h"

#define CLIENT_MAX_BYTES (64ull << 20)

const char *remote_default_config_dir(char *buf, size_t n)
{
    const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

    if (dir && *dir)
        return snprintf(buf, n, "%s", dir) < (int)n ? buf : NULL;
    if (!home || !*home)
        return NULL;
    return snprintf(buf, n, "%s/.docker", home) < (int)n ? buf : NULL;
}

static const char **copy_list(struct arena *a, const char *const *v)
{
    size_t n = 0;

    while (v && v[n])
        n++;
    const char **list = arena_array(a, n + 1, sizeof *list);
    for (size_t i = 0; list && i < n; i++)
        list[i] = arena_strdup(a, v[i]);
    return list;
}

static int copy_opts(struct remote_client *c, const struct remote_opts *o, struct shale_err *e)
{
    c->o = *o;
    c->o.insecure = copy_list(&c->arena, o->insecure);
    c->o.mirrors = copy_list(&c->arena, o->mirrors);
    c->o.config_dir = arena_strdup(&c->arena, o->config_dir);
    c->o.auths = arena_strdup(&c->arena, o->auths);
    c->o.certs_dir = arena_strdup(&c->arena, o->certs_dir);
    c->o.user = arena_strdup(&c->arena, o->user);
    c->o.password = arena_strdup(&c->arena, o->password);
    c->o.ca_file = arena_strdup(&c->arena, o->ca_file);
    c->o.cert_file = arena_strdup(&c->arena, o->cert_file);
    c->o.key_file = arena_strdup(&c->arena, o->key_file);
    c->o.user_agent = arena_strdup(&c->arena, o->user_agent ? o->user_agent : "shale");
    return c->o.insecure && c->o.mirrors && c->o.user_agent && !c->arena.failed ? 0 : err_nomem(e);
}

int remote_client_open(const struct remote_opts *o, struct remote_client **ret, struct shale_err *e)
{
    struct remote_client *c = mem_alloc(sizeof *c);

    if (!c)
        return err_nomem(e);
    arena_init(&c->arena, CLIENT_MAX_BYTES);
    pthread_mutex_init(&c->mutex, NULL);
    int r = copy_opts(c, o, e);
    if (r >= 0)
        r = creds_load(c, e);
    if (r >= 0) {
        struct http_opts ho = {c->o.user_agent, o->connect_timeout_ns, o->stall_timeout_ns};
        r = http_open(&ho, &c->http, e);
    }
    if (r < 0) {
        remote_client_close(c);
        return r;
    }
    *ret = c;
    return 0;
}

int64_t remote_client_pause(const struct remote_client *c)
{
    int64_t until = atomic_load_explicit(&c->pause_until_ns, memory_order_relaxed);
    int64_t left = until ? until - time_mono_ns() : 0;

    return left > 0 ? left : 0;
}

struct remote_client *remote_client_close(struct remote_client *c)
{
    if (!c)
        return NULL;
    for (struct remote_host *h = c->hosts; h; h = h->next)
        host_clear(h);
    http_close(c->http);
    json_decref(c->config);
    pthread_mutex_destroy(&c->mutex);
    arena_clear(&c->arena);
    free(c);
    return NULL;
}

int repo_open(struct remote_repo *p, struct remote_client *c, const struct ref *r,
              const char *actions, struct shale_err *e)
{
    p->c = c;
    p->path = mem_strdup(r->path);
    p->familiar = mem_strdup(r->familiar);
    p->scope = mem_printf("repository:%s:%s", r->path, actions);
    return p->path && p->familiar && p->scope ? host_get(c, r->domain, &p->h, e) : err_nomem(e);
}

int repo_open_at(struct remote_repo *p, struct remote_client *c, const struct ref *r,
                 const char *mirror, struct shale_err *e)
{
    int k = repo_open(p, c, r, "pull", e);

    return k < 0 ? k : host_get_mirror(c, mirror, &p->h, e);
}

void repo_clear(struct remote_repo *p)
{
    free(p->path);
    free(p->familiar);
    free(p->scope);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/login.h> */
#include <shale/login.h>

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/engine_priv.h"

#define HOST_MAX_BYTES 300

/* "https://host:5000/v1/" is "host:5000"; docker's old names of its own registry are docker.io. */
static int read_registry(const char *text, char ret[HOST_MAX_BYTES], struct shale_err *e)
{
    static const char *const hub[] = {"index.docker.io", "registry-1.docker.io", "docker.io"};
    const char *p = text ? strstr(text, "://") : NULL;

    p = p ? p + 3 : text ? text : "docker.io";
    size_t n = strcspn(p, "/");
    if (n == 0 || n >= HOST_MAX_BYTES || strcspn(p, " \t\r\n@") < n)
        return err_set(e, SHALE_INVALID, "not a registry: \"%.100s\"; say HOST[:PORT]", text);
    memcpy(ret, p, n);
    ret[n] = 0;
    for (size_t i = 0; i < ARRAY_SIZE(hub); i++)
        if (streq(hub[i], ret))
            memcpy(ret, "docker.io", sizeof "docker.io");
    return 0;
}

int shale_login(struct shale *s, const char *registry, const char *user, const char *password,
                struct shale_login_result **ret, struct shale_err *e)
{
    char host[HOST_MAX_BYTES];
    const char *known;
    struct image_host h;
    struct arena *a;
    struct shale_login_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    int r = read_registry(registry, host, e);
    if (r >= 0)
        r = engine_remote_host(s, &h, e);
    if (r >= 0 && !user) {
        r = remote_credential_user(h.remote, host, a, &known, e);
        if (r >= 0 && !known)
            r = err_set(e, SHALE_NOT_FOUND, "Not logged in to %s", host);
    }
    if (r >= 0)
        r = remote_login(h.remote, host, user, password, h.cancel, e);
    if (r >= 0 && user)
        r = remote_credential_store(h.remote, host, user, password, a, &res->file, e);
    if (r >= 0 && !(res->registry = arena_strdup(a, host)))
        r = err_nomem(e);
    return result_end(r, res, ret);
}

int shale_login_user(struct shale *s, const char *registry, char **ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena tmp = ARENA_INIT(1u << 20);
    char host[HOST_MAX_BYTES];
    const char *known = NULL;
    struct image_host h;
    struct arena *a;
    int r = read_registry(registry, host, e);

    *ret = NULL;
    if (r >= 0)
        r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = remote_credential_user(h.remote, host, &tmp, &known, e);
    if (r < 0 || !known)
        return r;
    char *res = result_new(strlen(known) + 1, &a);
    if (!res)
        return err_nomem(e);
    memcpy(res, known, strlen(known));
    return result_end(0, res, ret);
}

int shale_logout(struct shale *s, const char *registry, struct shale_err *e)
{
    char host[HOST_MAX_BYTES];
    struct image_host h;
    bool was = false;
    int r = read_registry(registry, host, e);

    if (r >= 0)
        r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = remote_credential_erase(h.remote, host, &was, e);
    return r < 0 ? r : was;
}

int shale_use_auths(struct shale *s, const char *auths_json, struct shale_err *e)
{
    int r = 0;

    pthread_mutex_lock(&s->mutex);
    if (s->remote)
        r = err_set(e, SHALE_CONFLICT, "a registry has been asked already");
    else if (!(s->remote_opts.auths = arena_strdup(&s->arena, auths_json)))
        r = err_nomem(e);
    else
        r = remote_client_open(&s->remote_opts, &s->remote, e);
    pthread_mutex_unlock(&s->mutex);
    return r;
}

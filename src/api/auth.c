/* SPDX-License-Identifier: Apache-2.0 */
/* POST /auth: are these credentials good? Nothing is kept; the client does that. */
#include <shale/login.h>

#include "api/system.h"
#include "base/cleanup.h"
#include "base/str.h"

#define HUB_KEY "https://index.docker.io/v1/"

struct auth {
    char *user, *password, *server, *identity;
};

static const struct json_field fields[] = {
    {"username", JB_STR, offsetof(struct auth, user), 0},
    {"password", JB_STR, offsetof(struct auth, password), 0},
    {"serveraddress", JB_STR, offsetof(struct auth, server), 0},
    {"identitytoken", JB_STR, offsetof(struct auth, identity), 0},
};

/* "https://host:5000/v2/" is known as host:5000; docker's own registry has a name for itself. */
static const char *key_of(const struct auth *a, struct arena *arena)
{
    static const char *const hub[] = {"index.docker.io", "registry-1.docker.io", "docker.io"};
    const char *p = a->server ? strstr(a->server, "://") : NULL;

    p = p ? p + 3 : a->server ? a->server : "";
    char *host = arena_strndup(arena, p, strcspn(p, "/"));
    for (size_t i = 0; host && i < ARRAY_SIZE(hub); i++)
        if (!*host || streq(host, hub[i]))
            return HUB_KEY;
    return host;
}

static int use(struct api_req *q, const struct auth *a, struct shale_err *e)
{
    const char *key = key_of(a, q->arena);
    _cleanup_json_ json_t *one = json_object(), *all = json_object();
    _cleanup_free_ char *text = NULL;

    if (!key || !one || !all ||
        (a->user && json_object_set_new(one, "username", json_string(a->user)) < 0) ||
        (a->password && json_object_set_new(one, "password", json_string(a->password)) < 0) ||
        (a->identity && *a->identity &&
         json_object_set_new(one, "identitytoken", json_string(a->identity)) < 0) ||
        json_object_set(all, key, one) < 0 || !(text = json_text(all)))
        return err_nomem(e);
    return shale_use_auths(q->s, text, e);
}

int api_auth(struct api_req *q, struct shale_err *e)
{
    struct shale_login_result *res = NULL;
    struct auth a = {0};
    int r = api_bind(q, q->body, fields, ARRAY_SIZE(fields), &a, e);

    if (r >= 0 && !(a.user && *a.user) && !(a.identity && *a.identity))
        r = err_set(e, SHALE_INVALID,
                    "a username and a password, or an identity token, are needed");
    if (r >= 0)
        r = use(q, &a, e);
    if (r >= 0)
        r = shale_login(q->s, a.server && *a.server ? a.server : NULL, NULL, NULL, &res, e);
    shale_free(res);
    if (r == -SHALE_UNAUTHORIZED || r == -SHALE_DENIED)
        api_fail_as(q, 401);
    if (r < 0)
        return r;
    return api_reply_json(
        q, 200, json_pack("{s:s, s:s}", "IdentityToken", "", "Status", "Login Succeeded"));
}

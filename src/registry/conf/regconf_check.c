/* SPDX-License-Identifier: Apache-2.0 */
/* What only the whole config file shows. */
#include <string.h>

#include "base/str.h"
#include "http/http.h"
#include "registry/conf/regconf_priv.h"

/* "FILE: " or "FILE:LINE: " before the message, when there is a file. */
static int in_file(const struct regconf *c, unsigned line, int r, struct shale_err *e)
{
    if (!c->file)
        return r;
    return line ? err_wrap(e, r, "%s:%u", c->file, line) : err_wrap(e, r, "%s", c->file);
}

/* ---- who ---- */

static bool has_client_ca(const struct regconf *c)
{
    for (size_t i = 0; i < c->n_listen; i++)
        if (c->listen[i].tls_client_ca)
            return true;
    return false;
}

static int check_who(const struct regconf *c, const struct policy_who *w, const char *key,
                     bool is_default, unsigned line, struct shale_err *e)
{
    for (size_t i = 0; i < w->names.n; i++) {
        const char *name = w->names.v[i];
        if (*name == '@' && !policy_group_get(&c->policy, name + 1))
            return in_file(
                c, line, err_set(e, SHALE_INVALID, "%s: there is no [group \"%s\"]", key, name + 1),
                e);
    }
    if (c->auth.type == REGCONF_AUTH_NONE && !has_client_ca(c) && !is_default &&
        (w->users || w->names.n))
        return in_file(c, line,
                       err_set(e, SHALE_INVALID,
                               "%s: nobody can prove a name while [auth] type is none; set type = "
                               "htpasswd or token, or [listen] tls_client_ca, or say anyone or "
                               "nobody",
                               key),
                       e);
    return 0;
}

static bool is_users_only(const struct policy_who *w)
{
    return w->users && !w->anyone && w->names.n == 0;
}

/* Of the registry as a whole. */
static int check_list(const struct regconf *c, struct policy_who *w, const char *key,
                      struct policy_who *ret, struct shale_err *e)
{
    int r = check_who(c, w, key, is_users_only(w), c->auth.line, e);

    if (r < 0)
        return r;
    if (c->auth.type == REGCONF_AUTH_NONE && !has_client_ca(c)) /* "users" is the default; there
                                                                    are none */
        w->anyone |= w->users;
    *ret = *w;
    return 0;
}

static int check_policy(struct regconf *c, struct shale_err *e)
{
    for (size_t i = 0; i < c->policy.n_rules; i++) {
        const struct policy_rule *rule = &c->policy.rules[i];
        int r = check_who(c, &rule->pull, "pull", false, rule->line, e);
        if (r == 0)
            r = check_who(c, &rule->push, "push", false, rule->line, e);
        if (r == 0)
            r = check_who(c, &rule->delete, "delete", false, rule->line, e);
        if (r < 0)
            return r;
    }
    int r = check_list(c, &c->auth.catalog, "catalog", &c->policy.catalog, e);
    if (r == 0)
        r = check_list(c, &c->auth.search, "search", &c->policy.search, e);
    if (r < 0)
        return r;
    c->policy.open = c->auth.type == REGCONF_AUTH_NONE && c->policy.n_rules == 0;
    return 0;
}

/* ---- auth ---- */

static const char *auth_mistake(const struct regconf_auth *a)
{
    if (a->type == REGCONF_AUTH_HTPASSWD && !a->htpasswd)
        return "[auth] type = htpasswd needs htpasswd = FILE";
    if (a->type == REGCONF_AUTH_NONE && (a->htpasswd || a->token_key || a->token_keys))
        return "[auth] has users or keys, and nobody is asked for them: set type = htpasswd or "
               "type = token";
    if (a->type != REGCONF_AUTH_TOKEN)
        return NULL;
    if (!a->token_key && !a->token_keys)
        return "[auth] type = token needs token_key (our own token service) or token_url and "
               "token_keys (an outside one)";
    if (a->token_key && a->token_keys)
        return "[auth] token_key and token_keys exclude each other: tokens come from our own token "
               "service or from an outside one";
    if (a->token_key && !a->htpasswd)
        return "[auth] token_key needs htpasswd = FILE: whom our token service knows";
    if (a->token_keys && !a->token_url)
        return "[auth] token_keys needs token_url: where clients get tokens";
    if (a->token_keys && a->htpasswd)
        return "[auth] htpasswd has no use with token_keys: the outside token service knows the "
               "users";
    return NULL;
}

static int check_auth(const struct regconf *c, struct shale_err *e)
{
    const char *mistake = auth_mistake(&c->auth);

    if (mistake)
        return in_file(c, c->auth.line, err_set(e, SHALE_INVALID, "%s", mistake), e);
    for (size_t i = 0; c->auth.type == REGCONF_AUTH_NONE && i < c->n_listen; i++) {
        const struct regconf_listen *l = &c->listen[i];
        if (!l->open && !regconf_needs_client(l) && !http_is_loopback(l->host))
            return in_file(
                c, l->line,
                err_set(e, SHALE_INVALID,
                        "everybody who reaches %s could push and delete: set [auth] "
                        "type, or say open = yes for this listener (--open) if that is meant",
                        l->address),
                e);
    }
    return 0;
}

static int check_listen(const struct regconf *c, struct shale_err *e)
{
    for (size_t i = 0; i < c->n_listen; i++)
        for (size_t k = 0; k < i; k++)
            if (c->listen[i].port && c->listen[i].port == c->listen[k].port &&
                streq(c->listen[i].host, c->listen[k].host))
                return in_file(
                    c, c->listen[i].line,
                    err_set(e, SHALE_INVALID, "two listeners on %s", c->listen[i].address), e);
    return 0;
}

static int check_upstreams(const struct regconf *c, struct shale_err *e)
{
    if (c->n_upstream > 0 && c->server.read_only)
        return in_file(c, c->server.line,
                       err_set(e, SHALE_INVALID,
                               "a read-only registry cannot keep what an [upstream] sends: remove "
                               "read_only (--read-only), nobody can push there anyway"),
                       e);
    return 0;
}

int regconf_check_all(struct regconf *c, struct shale_err *e)
{
    int r = check_auth(c, e);
    if (r == 0)
        r = check_listen(c, e);
    if (r == 0)
        r = check_policy(c, e);
    if (r == 0)
        r = check_upstreams(c, e);
    return r;
}

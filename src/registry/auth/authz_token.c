/* SPDX-License-Identifier: Apache-2.0 */
/* The token service (distribution, "Token Authentication" and "OAuth2 Token Authentication"). */
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/time.h"
#include "registry/auth/authz_priv.h"
#include "registry/auth/scope.h"

/* One request on its way to its answer. */
struct issue {
    struct authz *z;
    const struct authz_token_request *q;
    struct arena *a;
    struct authz_token_answer *ret;
    struct form form;
    bool refused; /* the answer is there */
    bool offline; /* a refresh token is wanted */
    const char *user;
    const char *refresh; /* the one that was used */
    struct jwt_access access[SCOPE_MAX];
    size_t n_access;
};

/* ---- refusals ---- */

/* The body has both spellings: that of the registry API, and that of RFC 6749, 5.2. */
static int refuse(struct issue *t, int status, const char *code, const char *oauth, const char *msg,
                  struct shale_err *e)
{
    json_t *j = json_pack("{s:[{s:s, s:s, s:n}], s:s, s:s}", "errors", "code", code, "message", msg,
                          "detail", "error", oauth, "error_description", msg);
    _cleanup_free_ char *text = j ? json_text(j) : NULL;

    json_decref(j);
    t->refused = true;
    t->ret->status = status;
    t->ret->user = NULL;
    t->ret->body = text ? arena_strdup(t->a, text) : NULL;
    if (status == 401 && !t->q->post) {
        t->ret->challenge = authz_basic_challenge(t->z, t->a);
        if (!t->ret->challenge)
            return err_nomem(e);
    }
    return t->ret->body ? 0 : err_nomem(e);
}

static int bad_request(struct issue *t, const char *msg, struct shale_err *e)
{
    return refuse(t, 400, "UNSUPPORTED", "invalid_request", msg, e);
}

static int unauthorized(struct issue *t, const char *msg, struct shale_err *e)
{
    t->ret->failed = true;
    return refuse(t, 401, "UNAUTHORIZED", "invalid_grant", msg, e);
}

/* ---- who ---- */

static int by_password(struct issue *t, const char *user, const char *password, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;

    int r = authz_password(t->z, t->q->peer, user, password, &t->ret->delay_ns,
                           &t->ret->retry_after_ns, &why);
    if (r == -SHALE_UNAUTHORIZED)
        return unauthorized(t, "wrong user or password", e);
    if (r == -SHALE_LIMIT)
        return refuse(t, 429, "TOOMANYREQUESTS", "temporarily_unavailable", why.msg, e);
    if (r < 0)
        return err_set(e, why.code, "%s", why.msg);
    t->user = user;
    return 0;
}

/* A refresh token is good as long as its user has the password that it was made with. */
static int by_refresh(struct issue *t, const char *token, struct shale_err *e)
{
    const struct regconf_auth *c = &t->z->conf->auth;
    struct jwt_expect x = {c->issuer, t->z->refresh_aud, time_now_ns() / NS_PER_S,
                           c->skew_ns / NS_PER_S};
    char mark[HTPASSWD_MARK_HEX + 1] = "";
    struct jwt_claims claims = {0};

    int64_t wait_ns = guard_blocked(t->z->guard, t->q->peer, time_mono_ns());
    if (wait_ns > 0) {
        t->ret->retry_after_ns = wait_ns;
        return refuse(t, 429, "TOOMANYREQUESTS", "temporarily_unavailable",
                      "too many wrong passwords", e);
    }
    int r = jwt_verify(t->z->trust, token, strlen(token), &x, t->a, &claims, NULL);
    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    if (r == 0 && claims.sub && htpasswd_mark(t->z->users, claims.sub, mark, NULL) == 0 &&
        streq(claims.jti, mark)) {
        t->user = claims.sub;
        t->refresh = token;
        return 0;
    }
    t->ret->delay_ns = authz_failure(t->z, t->q->peer);
    return unauthorized(t, "the login has ended; log in again", e);
}

static int who_posts(struct issue *t, struct shale_err *e)
{
    const char *grant = form_get(&t->form, "grant_type");

    if (streq(grant, "refresh_token")) {
        const char *token = form_get(&t->form, "refresh_token");
        return token ? by_refresh(t, token, e) : bad_request(t, "no refresh_token", e);
    }
    if (!streq(grant, "password"))
        return refuse(t, 400, "UNSUPPORTED", "unsupported_grant_type",
                      "grant_type must be password or refresh_token", e);
    const char *user = form_get(&t->form, "username"), *pw = form_get(&t->form, "password");
    t->offline = streq(form_get(&t->form, "access_type"), "offline");
    return user && pw ? by_password(t, user, pw, e) : bad_request(t, "no username or password", e);
}

static int who_gets(struct issue *t, struct shale_err *e)
{
    const char *user, *password;

    t->offline = streq(form_get(&t->form, "offline_token"), "true");
    if (!t->q->authorization)
        return 0; /* a stranger, who may have what strangers may */
    if (!basic_parse(t->q->authorization, t->a, &user, &password))
        return unauthorized(t, "credentials that cannot be read", e);
    return *user || *password ? by_password(t, user, password, e) : 0;
}

/* ---- what ---- */

static const enum policy_action actions[] = {POLICY_PULL, POLICY_PUSH, POLICY_DELETE};
static const char *const names[] = {"pull", "push", "delete"};

static bool asked(const struct strv *v, const char *name)
{
    for (size_t i = 0; i < v->n; i++)
        if (streq(v->v[i], name) || streq(v->v[i], "*"))
            return true;
    return false;
}

/* Leaves of the wish what the rules give. */
static int grant(struct issue *t, struct jwt_access *x, struct shale_err *e)
{
    const struct policy *p = &t->z->conf->policy;
    struct strv given = {arena_array(t->a, ARRAY_SIZE(names), sizeof *given.v), 0, true};

    if (!given.v)
        return err_nomem(e);
    if (streq(x->type, "registry") && streq(x->name, "catalog")) {
        if (asked(&x->actions, "*") && policy_allows(p, t->user, NULL, POLICY_CATALOG))
            given.v[given.n++] = "*";
        else if (asked(&x->actions, "search") && policy_allows(p, t->user, NULL, POLICY_SEARCH))
            given.v[given.n++] = "search";
    } else if (streq(x->type, "repository")) {
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            if (asked(&x->actions, names[i]) && policy_allows(p, t->user, x->name, actions[i]))
                given.v[given.n++] = (char *)names[i];
    }
    x->actions = given;
    return 0;
}

static int read_scopes(struct issue *t, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    const char *service = form_get(&t->form, "service");
    size_t kept = 0;

    if (service && !streq(service, t->z->conf->auth.service))
        return bad_request(t, "another service is asked for than this one", e);
    for (size_t i = 0; i < t->form.n; i++) {
        if (!streq(t->form.v[i].name, "scope"))
            continue;
        int r = scope_parse(t->form.v[i].value, t->a, t->access, &t->n_access, &why);
        if (r == -SHALE_NO_MEMORY)
            return err_nomem(e);
        if (r < 0)
            return bad_request(t, why.msg, e);
    }
    for (size_t i = 0; i < t->n_access; i++) {
        int r = grant(t, &t->access[i], e);
        if (r < 0)
            return r;
        if (t->access[i].actions.n)
            t->access[kept++] = t->access[i];
    }
    t->n_access = kept;
    return 0;
}

/* ---- the tokens ---- */

static int issue_one(struct issue *t, const char *aud, const char *jti, int64_t now_s,
                     int64_t ttl_ns, bool with_access, const char **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(JWT_MAX_BYTES);
    char *auds[] = {(char *)aud};
    struct jwt_claims c = {.iss = t->z->conf->auth.issuer,
                           .sub = t->user,
                           .jti = jti,
                           .aud = {auds, 1, true},
                           .iat_s = now_s,
                           .nbf_s = now_s,
                           .exp_s = now_s + ttl_ns / NS_PER_S,
                           .access = with_access ? t->access : NULL,
                           .n_access = with_access ? t->n_access : 0};

    int r = jwt_issue(t->z->key, &c, &b, e);
    if (r < 0)
        return r;
    return (*ret = arena_strdup(t->a, buf_str(&b))) ? 0 : err_nomem(e);
}

static int set_body(struct issue *t, int64_t now_s, const char *token, const char *refresh,
                    struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf scope = BUF_INIT(SCOPE_MAX * (SCOPE_MAX_BYTES + 1));
    char at[40];

    for (size_t i = 0; i < t->n_access; i++)
        scope_format(&t->access[i], &scope);
    json_t *j =
        json_pack("{s:s, s:s, s:I, s:s, s:s}", "token", token, "access_token", token, "expires_in",
                  (json_int_t)(t->z->conf->auth.token_ttl_ns / NS_PER_S), "issued_at",
                  time_format_rfc3339nano(now_s * NS_PER_S, at), "scope", buf_str(&scope));
    if (j && refresh)
        json_object_set_new(j, "refresh_token", json_string(refresh));
    _cleanup_free_ char *text = j ? json_text(j) : NULL;
    json_decref(j);
    t->ret->status = 200;
    t->ret->user = t->user;
    return text && (t->ret->body = arena_strdup(t->a, text)) ? 0 : err_nomem(e);
}

static int issue_all(struct issue *t, struct shale_err *e)
{
    const struct regconf_auth *c = &t->z->conf->auth;
    char jti[33], mark[HTPASSWD_MARK_HEX + 1];
    const char *token = NULL, *refresh = t->refresh;
    int64_t now_s = time_now_ns() / NS_PER_S;

    int r = random_hex(jti, 16, e);
    if (r == 0)
        r = issue_one(t, c->service, jti, now_s, c->token_ttl_ns, true, &token, e);
    if (r == -SHALE_LIMIT)
        return bad_request(t, "more scopes than fit into a token", NULL);
    if (r == 0 && t->offline && t->user && !refresh &&
        htpasswd_mark(t->z->users, t->user, mark, NULL) == 0)
        r = issue_one(t, t->z->refresh_aud, mark, now_s, c->refresh_ttl_ns, false, &refresh, e);
    return r < 0 ? r : set_body(t, now_s, token, refresh, e);
}

int authz_token(struct authz *z, const struct authz_token_request *q, struct arena *a,
                struct authz_token_answer *ret, struct shale_err *e)
{
    struct issue *t = arena_alloc(a, sizeof *t);
    struct shale_err why = SHALE_ERR_INIT;

    memset(ret, 0, sizeof *ret);
    if (!t)
        return err_nomem(e);
    *t = (struct issue){.z = z, .q = q, .a = a, .ret = ret};
    if (!z->key)
        return err_set(e, SHALE_NOT_FOUND, "there is no token service here");
    int r = form_parse(q->form, a, &t->form, &why);
    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    if (r < 0)
        return bad_request(t, why.msg, e);
    r = q->post ? who_posts(t, e) : who_gets(t, e);
    if (r == 0 && !t->refused)
        r = read_scopes(t, e);
    if (r == 0 && !t->refused)
        r = issue_all(t, e);
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The decision for one request. */
#include "registry/auth/authz.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "registry/auth/authz_priv.h"
#include "registry/auth/scope.h"

#define CHALLENGE_BYTES 4096
#define BUSY_RETRY_NS   NS_PER_S

static const char *const action_names[_POLICY_MAX] = {"pull", "push", "delete", "*", "search"};

/* ---- the handle ---- */

static int open_users(struct authz *z, const char *path, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = htpasswd_open(path, &z->users, &why);

    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_NOT_FOUND,
                       "[auth] htpasswd: there is no file %s; make it: shale registry user add "
                       "--file %s NAME",
                       path, path);
    return r < 0 ? err_set(e, why.code, "[auth] htpasswd: %s", why.msg) : 0;
}

static int open_key(struct authz *z, const char *path, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = jwt_key_load(path, &z->key, &why);

    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_NOT_FOUND,
                       "[auth] token_key: there is no file %s; make it: shale registry keygen %s",
                       path, path);
    if (r < 0)
        return err_set(e, why.code, "[auth] token_key: %s", why.msg);
    return jwt_trust_key(z->key, &z->trust, e);
}

static int open_parts(struct authz *z, struct shale_err *e)
{
    const struct regconf_auth *c = &z->conf->auth;

    int r = guard_new(c->failures, c->failure_window_ns, &z->guard, e);
    if (r == 0 && c->type != REGCONF_AUTH_NONE && c->htpasswd)
        r = open_users(z, c->htpasswd, e);
    if (r < 0 || c->type != REGCONF_AUTH_TOKEN)
        return r;
    z->refresh_aud = arena_printf(&z->arena, "%s refresh", c->service);
    if (!z->refresh_aud)
        return err_nomem(e);
    if (c->token_key)
        return open_key(z, c->token_key, e);
    r = jwt_trust_load(c->token_keys, &z->trust, e);
    return r < 0 ? err_wrap(e, r, "[auth] token_keys") : 0;
}

int authz_open(const struct regconf *conf, struct authz **ret, struct shale_err *e)
{
    struct authz *z = mem_alloc(sizeof *z);

    if (!z)
        return err_nomem(e);
    z->conf = conf;
    arena_init(&z->arena, 1u << 20);
    int r = open_parts(z, e);
    if (r < 0) {
        authz_close(z);
        return r;
    }
    *ret = z;
    return 0;
}

struct authz *authz_close(struct authz *z)
{
    if (z) {
        htpasswd_close(z->users);
        guard_free(z->guard);
        jwt_key_free(z->key);
        jwt_trust_free(z->trust);
        arena_clear(&z->arena);
        free(z);
    }
    return NULL;
}

bool authz_problem(struct authz *z, char *ret, size_t n)
{
    return z->users && htpasswd_problem(z->users, ret, n);
}

bool authz_has_tokens(const struct authz *z)
{
    return z->key != NULL;
}

/* ---- passwords ---- */

int64_t authz_failure(struct authz *z, const char *peer)
{
    guard_failed(z->guard, peer, time_mono_ns());
    return z->conf->auth.failure_delay_ns;
}

int authz_password(struct authz *z, const char *peer, const char *user, const char *password,
                   int64_t *ret_delay_ns, int64_t *ret_retry_ns, struct shale_err *e)
{
    int64_t wait_ns = guard_blocked(z->guard, peer, time_mono_ns());

    if (wait_ns > 0) {
        *ret_retry_ns = wait_ns;
        return err_set(e, SHALE_LIMIT, "too many wrong passwords");
    }
    int r = htpasswd_verify(z->users, user, password, e);
    if (r == -SHALE_UNAUTHORIZED)
        *ret_delay_ns = authz_failure(z, peer);
    if (r == -SHALE_LIMIT)
        *ret_retry_ns = BUSY_RETRY_NS;
    return r;
}

/* ---- challenges ---- */

/* Text within quotes: what would end them is left out. */
static void add_quoted(struct buf *b, const char *name, const char *value)
{
    buf_addf(b, "%s=\"", name);
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c >= ' ' && (unsigned char)*c < 0x7f && *c != '"' && *c != '\\')
            buf_addc(b, *c);
    buf_addc(b, '"');
}

const char *authz_basic_challenge(const struct authz *z, struct arena *a)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CHALLENGE_BYTES);

    add_quoted(&b, "Basic realm", z->conf->auth.realm);
    return buf_check(&b, NULL) < 0 ? NULL : arena_strdup(a, buf_str(&b));
}

static void add_scope(struct buf *b, const struct authz_request *q)
{
    switch (q->action) {
    case POLICY_CATALOG:
        buf_adds(b, "registry:catalog:*");
        return;
    case POLICY_SEARCH:
        buf_adds(b, "registry:catalog:search");
        return;
    case POLICY_PUSH:
        buf_addf(b, "repository:%s:pull,push", q->repository);
        break;
    default:
        buf_addf(b, "repository:%s:%s", q->repository, action_names[q->action]);
    }
    if (q->mount_from)
        buf_addf(b, " repository:%s:pull", q->mount_from);
}

static const char *bearer_challenge(const struct authz *z, const struct authz_request *q,
                                    const char *error, struct arena *a)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CHALLENGE_BYTES),
                                    scope = BUF_INIT(CHALLENGE_BYTES);
    const struct regconf *c = z->conf;
    const char *base = c->server.public_url ? c->server.public_url : q->base_url;
    const char *realm =
        c->auth.token_url ? c->auth.token_url : arena_printf(a, "%s" AUTHZ_TOKEN_PATH, base);

    if (!realm)
        return NULL;
    add_quoted(&b, "Bearer realm", realm);
    add_quoted(&b, ",service", c->auth.service);
    if (!q->ping) {
        add_scope(&scope, q);
        add_quoted(&b, ",scope", buf_str(&scope));
    }
    if (error)
        add_quoted(&b, ",error", error);
    if (buf_check(&b, NULL) < 0 || buf_check(&scope, NULL) < 0)
        return NULL;
    return arena_strdup(a, buf_str(&b));
}

static int challenge(const struct authz *z, const struct authz_request *q, const char *error,
                     struct arena *a, struct authz_answer *ret, struct shale_err *e)
{
    ret->decision = AUTHZ_CHALLENGE;
    ret->challenge = z->conf->auth.type == REGCONF_AUTH_TOKEN ? bearer_challenge(z, q, error, a)
                                                              : authz_basic_challenge(z, a);
    return ret->challenge ? 0 : err_nomem(e);
}

/* ---- what somebody may ---- */

static bool has_action(const struct strv *actions, const char *name)
{
    for (size_t i = 0; i < actions->n; i++)
        if (streq(actions->v[i], name) || streq(actions->v[i], "*"))
            return true;
    return false;
}

static bool token_allows(const struct jwt_access *v, size_t n, const char *repository,
                         enum policy_action action)
{
    bool of_registry = action == POLICY_CATALOG || action == POLICY_SEARCH;

    for (size_t i = 0; i < n; i++)
        if (streq(v[i].type, of_registry ? "registry" : "repository") &&
            streq(v[i].name, of_registry ? "catalog" : repository) &&
            has_action(&v[i].actions, action_names[action]))
            return true;
    return false;
}

static bool who_may(const struct authz *z, const struct authz_answer *who, const char *repository,
                    enum policy_action action)
{
    const struct policy *p = &z->conf->policy;

    if (who->access && z->key && action == POLICY_SEARCH) /* as authz_sees */
        return policy_allows(p, who->user, NULL, POLICY_SEARCH);
    if (who->access)
        return token_allows(who->access, who->n_access, repository, action) ||
               policy_allows_anyone(p, repository, action);
    return policy_allows(p, who->user, repository, action);
}

bool authz_sees(const struct authz *z, const struct authz_answer *who, const char *repository)
{
    if (who->access && z->key) /* our own: whoever it is, the rules know */
        return policy_allows(&z->conf->policy, who->user, repository, POLICY_PULL);
    return who_may(z, who, repository, POLICY_PULL);
}

/* ---- who asks ---- */

/* What came of the credentials. */
enum proof { PROOF_NONE, PROOF_USER, PROOF_TOKEN, PROOF_WRONG, PROOF_LATER };

static int prove_basic(struct authz *z, const struct authz_request *q, const char *user,
                       const char *password, struct authz_answer *ret, enum proof *proof,
                       struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;

    if (!*user && !*password) {
        *proof = PROOF_NONE;
        return 0;
    }
    int r = authz_password(z, q->peer, user, password, &ret->delay_ns, &ret->retry_after_ns, &why);
    if (r < 0 && r != -SHALE_UNAUTHORIZED && r != -SHALE_LIMIT)
        return err_set(e, why.code, "%s", why.msg);
    ret->failed = r == -SHALE_UNAUTHORIZED;
    *proof = r == 0 ? PROOF_USER : ret->failed ? PROOF_WRONG : PROOF_LATER;
    if (r == 0)
        ret->user = user;
    return 0;
}

static int prove_token(struct authz *z, const char *token, struct arena *a,
                       struct authz_answer *ret, enum proof *proof, struct shale_err *e)
{
    static const struct jwt_access none = {0};
    const struct regconf_auth *c = &z->conf->auth;
    struct jwt_expect x = {c->issuer, c->service, time_now_ns() / NS_PER_S, c->skew_ns / NS_PER_S};
    struct shale_err why = SHALE_ERR_INIT;
    struct jwt_claims claims;

    int r = jwt_verify(z->trust, token, strlen(token), &x, a, &claims, &why);
    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    if (r < 0) {
        log_debug("%s", why.msg);
        ret->failed = true;
        *proof = PROOF_WRONG;
        return 0;
    }
    ret->user = claims.sub && *claims.sub ? claims.sub : NULL;
    ret->access = claims.access ? claims.access : &none;
    ret->n_access = claims.n_access;
    *proof = PROOF_TOKEN;
    return 0;
}

static int prove(struct authz *z, const struct authz_request *q, struct arena *a,
                 struct authz_answer *ret, enum proof *proof, struct shale_err *e)
{
    const char *user, *password, *token = bearer_parse(q->authorization);

    *proof = PROOF_NONE;
    if (!q->authorization || z->conf->auth.type == REGCONF_AUTH_NONE) {
        ret->user = q->client;
        *proof = q->client ? PROOF_USER : PROOF_NONE;
        return 0;
    }
    if (token && z->trust)
        return prove_token(z, token, a, ret, proof, e);
    if (z->users && basic_parse(q->authorization, a, &user, &password))
        return prove_basic(z, q, user, password, ret, proof, e);
    *proof = PROOF_WRONG; /* a scheme we do not speak, or nonsense */
    return 0;
}

/* ---- the decision ---- */

/* They are known, and may not. */
static int refuse(const struct authz *z, const struct authz_request *q, enum proof proof,
                  struct arena *a, struct authz_answer *ret, struct shale_err *e)
{
    const struct policy_rule *rule =
        q->repository ? policy_rule_of(&z->conf->policy, q->repository) : NULL;

    if (proof == PROOF_TOKEN)
        return challenge(z, q, "insufficient_scope", a, ret, e);
    if (proof == PROOF_NONE && z->conf->auth.type != REGCONF_AUTH_NONE)
        return challenge(z, q, NULL, a, ret, e);
    bool may_pull = q->repository && who_may(z, ret, q->repository, POLICY_PULL);
    ret->decision = rule && rule->hidden && !may_pull ? AUTHZ_HIDE : AUTHZ_DENY;
    return 0;
}

int authz_check(struct authz *z, const struct authz_request *q, struct arena *a,
                struct authz_answer *ret, struct shale_err *e)
{
    enum proof proof;

    memset(ret, 0, sizeof *ret);
    int r = prove(z, q, a, ret, &proof, e);
    if (r < 0)
        return r;
    if (proof == PROOF_LATER) {
        ret->decision = AUTHZ_LATER;
        return 0;
    }
    if (proof == PROOF_WRONG)
        return challenge(z, q, "invalid_token", a, ret, e);
    if (q->ping) {
        if (proof == PROOF_NONE && z->conf->auth.type != REGCONF_AUTH_NONE)
            return challenge(z, q, NULL, a, ret, e);
        return 0; /* ALLOW */
    }
    if (!who_may(z, ret, q->repository, q->action))
        return refuse(z, q, proof, a, ret, e);
    ret->may_mount = q->mount_from && who_may(z, ret, q->mount_from, POLICY_PULL);
    return 0;
}

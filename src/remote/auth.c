/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges and tokens (distribution's token specification; RFC 6750, RFC 7617; OAuth2 for
 * identity tokens). */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "model/limits.h"
#include "remote/remote_priv.h"

#define TOKEN_DEFAULT_S 60 /* when the server does not say */
#define TOKEN_MARGIN_S  5  /* given up so much before its end */
#define TOKEN_MAX_BYTES (64u << 10)
#define TOKENS_MAX      256 /* scopes of one host that are remembered */

/* ---- what is known ---- */

const char *auth_known(struct remote_host *h, const char *scope, struct arena *a)
{
    const char *found = NULL;
    int64_t now = time_mono_ns();

    pthread_mutex_lock(&h->mutex);
    for (struct token *t = h->tokens; t && !found; t = t->next)
        if (streq(t->scope, scope) && t->expires_ns > now)
            found = arena_strdup(a, t->authorization);
    if (!found && h->credential.registry_token)
        found = arena_printf(a, "Bearer %s", h->credential.registry_token);
    if (!found && h->basic)
        found = arena_strdup(a, h->basic);
    pthread_mutex_unlock(&h->mutex);
    return found;
}

/* Takes over `authorization`. A scope has one token; the oldest scope goes when there are too many.
 */
static int remember(struct remote_client *c, struct remote_host *h, const char *scope,
                    char *authorization, int64_t expires_ns, struct shale_err *e)
{
    struct token **p, *t;
    size_t n = 0;

    pthread_mutex_lock(&h->mutex);
    for (p = &h->tokens; *p && !streq((*p)->scope, scope) && n + 1 < TOKENS_MAX; p = &(*p)->next)
        n++;
    t = *p;
    if (t) {
        *p = t->next;
        free(t->authorization);
    } else {
        t = mem_alloc(sizeof *t);
    }
    if (t && !streq(t->scope, scope)) {
        pthread_mutex_lock(&c->mutex);
        t->scope = arena_strdup(&c->arena, scope);
        pthread_mutex_unlock(&c->mutex);
    }
    if (!t || !t->scope) {
        pthread_mutex_unlock(&h->mutex);
        free(t);
        free(authorization);
        return err_nomem(e);
    }
    t->authorization = authorization;
    t->expires_ns = expires_ns;
    t->next = h->tokens;
    h->tokens = t;
    pthread_mutex_unlock(&h->mutex);
    return 0;
}

/* ---- Basic ---- */

static char *basic_of(const struct credential *cr)
{
    _cleanup_free_ char *plain = mem_printf("%s:%s", cr->user, cr->password ? cr->password : "");
    size_t n = plain ? strlen(plain) : 0;
    _cleanup_free_ char *b64 =
        plain && n <= TOKEN_MAX_BYTES ? mem_alloc(BASE64_LENGTH(n) + 1) : NULL;

    if (!b64)
        return NULL;
    base64_encode(0, plain, n, b64);
    return mem_printf("Basic %s", b64);
}

static int answer_basic(struct remote_host *h, bool sent, struct shale_err *e)
{
    if (!h->credential.user)
        return err_set(e, SHALE_UNAUTHORIZED, "no basic auth credentials%s%s",
                       h->credential.problem ? ": " : "",
                       h->credential.problem ? h->credential.problem : "");
    if (sent)
        return err_set(e, SHALE_UNAUTHORIZED, "unauthorized: authentication required");
    char *basic = basic_of(&h->credential);
    if (!basic)
        return err_nomem(e);
    pthread_mutex_lock(&h->mutex);
    free(h->basic);
    h->basic = basic;
    pthread_mutex_unlock(&h->mutex);
    return 0;
}

/* ---- Bearer ---- */

struct ask {   /* one request to a token server */
    bool post; /* OAuth2 with the identity token, else GET */
    struct remote_client *c;
    struct remote_host *h;
    const char *realm, *service, *scope;
    struct cancel *cancel;
    struct arena *a;
};

static int check_realm(const struct ask *k, struct shale_err *e)
{
    if (str_has_prefix(k->realm, "https://"))
        return 0;
    pthread_mutex_lock(&k->h->mutex);
    bool plain = k->h->plain;
    pthread_mutex_unlock(&k->h->mutex);
    if (str_has_prefix(k->realm, "http://") && plain) /* the registry itself is in the clear */
        return 0;
    return err_set(e, SHALE_DENIED, "%s names a token server without TLS: %.100s", k->h->domain,
                   k->realm);
}

/* "&scope=A&scope=B" of "A B" */
static char *scopes(const struct ask *k)
{
    struct str rest = str_of(k->scope), one;
    char *all = arena_strdup(k->a, "");

    while (all && rest.n && str_split(&rest, ' ', &one)) {
        char *s = arena_strndup(k->a, one.p, one.n);
        s = s ? http_escape(s, k->a) : NULL;
        all = s ? arena_printf(k->a, "%s&scope=%s", all, s) : NULL;
    }
    return all;
}

static char *query(const struct ask *k)
{
    const char *user = k->h->credential.user;
    struct arena *a = k->a;
    char *scope = scopes(k), *service = k->service ? http_escape(k->service, a) : NULL;
    char *account = user ? http_escape(user, a) : NULL;

    if (!scope || (k->service && !service) || (user && !account))
        return NULL;
    char *all =
        arena_printf(a, "%s%s%s%s%s", scope, service ? "&service=" : "", service ? service : "",
                     account ? "&account=" : "", account ? account : "");
    if (!all || !*all)
        return all ? arena_strdup(a, k->realm) : NULL;
    return arena_printf(a, "%s%c%s", k->realm, strchr(k->realm, '?') ? '&' : '?', all + 1);
}

static char *form(const struct ask *k)
{
    char *scope = http_escape(k->scope, k->a),
         *service = http_escape(k->service ? k->service : "", k->a);
    char *token = http_escape(k->h->credential.identity_token, k->a);

    if (!scope || !service || !token)
        return NULL;
    return arena_printf(
        k->a, "grant_type=refresh_token&service=%s&client_id=shale&scope=%s&refresh_token=%s",
        service, scope, token);
}

static int fetch_once(const struct ask *k, struct buf *body, struct http_response *p,
                      enum http_failure *failure, struct shale_err *e)
{
    static const char *const form_type[] = {"Content-Type: application/x-www-form-urlencoded",
                                            NULL};
    const struct credential *cr = &k->h->credential;
    struct http_request rq = {.method = "GET",
                              .collect = body,
                              .cancel = k->cancel,
                              .tls = &k->h->tls,
                              .failure = failure};
    _cleanup_free_ char *basic = NULL;

    if (k->post) {
        rq.method = "POST";
        rq.url = k->realm;
        rq.headers = form_type;
        rq.body = form(k);
        rq.body_n = rq.body ? strlen(rq.body) : 0;
        if (!rq.body)
            return err_nomem(e);
    } else {
        rq.url = query(k);
        if (!rq.url)
            return err_nomem(e);
        if (cr->user) {
            basic = basic_of(cr);
            if (!basic)
                return err_nomem(e);
            rq.authorization = basic;
        }
    }
    buf_reset(body);
    return http_do(k->c->http, &rq, k->a, p, e);
}

static int fetch(struct ask *k, struct buf *body, struct http_response *p, struct shale_err *e)
{
    struct attempts t = {0};

    k->post = k->h->credential.identity_token != NULL;

    for (;;) {
        enum http_failure failure = HTTP_FAIL_NONE;
        int64_t asked = 0;
        int r = fetch_once(k, body, p, &failure, e);
        if (r < 0 && failure != HTTP_FAIL_BROKEN && failure != HTTP_FAIL_HANDSHAKE)
            return r;
        if (r >= 0 && k->post && k->h->credential.user && (p->status == 404 || p->status == 405)) {
            k->post = false; /* an older token server */
            continue;
        }
        if (r >= 0 && !status_may_pass(p->status))
            return r;
        if (r >= 0)
            asked = asked_pause(p);
        int w = attempts_wait(k->c, &t, asked, k->cancel, e);
        if (w < 0)
            return w == -SHALE_CANCELED ? w : r;
    }
}

struct token_answer {
    const char *token, *access_token;
    int64_t expires_in;
};

static int read_token(const struct ask *k, const struct buf *body, struct token_answer *ret,
                      struct shale_err *e)
{
    static const struct json_field fields[] = {
        {"token", JB_STR, offsetof(struct token_answer, token), 0},
        {"access_token", JB_STR, offsetof(struct token_answer, access_token), 0},
        {"expires_in", JB_I64, offsetof(struct token_answer, expires_in), 0},
    };
    _cleanup_json_ json_t *j = NULL;
    int r = json_parse(body->p ? body->p : "", body->n, LIMIT_HTTP_BODY_BYTES, &j, e);

    if (r >= 0)
        r = json_bind(j, fields, ARRAY_SIZE(fields), ret, k->a, e);
    if (r < 0)
        return err_wrap(e, -SHALE_UNAUTHORIZED, "%s: bad answer of the token server", k->realm);
    if (!ret->token || !*ret->token)
        ret->token = ret->access_token;
    if (!ret->token || !*ret->token)
        return err_set(e, SHALE_UNAUTHORIZED,
                       "authorization server did not include a token in the response");
    if (strlen(ret->token) > TOKEN_MAX_BYTES || strpbrk(ret->token, "\r\n"))
        return err_set(e, SHALE_LIMIT, "%s: bad token", k->realm);
    return 0;
}

static int answer_bearer(struct ask *k, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf body = BUF_INIT(LIMIT_HTTP_BODY_BYTES);
    struct token_answer t = {0};
    struct http_response p;
    int r = check_realm(k, e);

    if (r >= 0)
        r = fetch(k, &body, &p, e);
    if (r < 0)
        return r;
    if (p.status == 401 || p.status == 403)
        return err_set(e, SHALE_UNAUTHORIZED, "unauthorized: %s%s%s",
                       k->h->credential.user || k->h->credential.identity_token
                           ? "incorrect username or password"
                           : "authentication required",
                       k->h->credential.problem ? ": " : "",
                       k->h->credential.problem ? k->h->credential.problem : "");
    if (p.status / 100 != 2)
        return err_set(e, p.status == 429 ? SHALE_LIMIT : SHALE_NETWORK,
                       "failed to fetch token: %s answered with HTTP status %d", k->realm,
                       p.status);
    r = read_token(k, &body, &t, e);
    if (r < 0)
        return r;
    int64_t s = t.expires_in >= TOKEN_DEFAULT_S ? t.expires_in : TOKEN_DEFAULT_S;
    if (s > 24 * 3600)
        s = 24 * 3600;
    char *value = mem_printf("Bearer %s", t.token);
    if (!value)
        return err_nomem(e);
    return remember(k->c, k->h, k->scope, value, time_mono_ns() + (s - TOKEN_MARGIN_S) * NS_PER_S,
                    e);
}

size_t auth_challenges(const struct http_response *p, struct arena *a,
                       struct http_challenge ret[HTTP_MAX_CHALLENGES])
{
    struct http_challenge line[HTTP_MAX_CHALLENGES];
    size_t n = 0;

    for (size_t i = 0; i < p->n_headers && n < HTTP_MAX_CHALLENGES; i++) {
        if (!str_ieq(p->headers[i].name, "WWW-Authenticate"))
            continue;
        size_t k = http_parse_challenges(p->headers[i].value, a, line);
        for (size_t j = 0; j < k && n < HTTP_MAX_CHALLENGES; j++)
            ret[n++] = line[j];
    }
    return n;
}

int auth_answer(struct remote_client *c, struct remote_host *h, const char *scope,
                const struct http_response *p, bool sent_basic, struct cancel *cancel,
                struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4u << 20);
    struct http_challenge ch[HTTP_MAX_CHALLENGES];
    size_t n = auth_challenges(p, &a, ch);

    for (size_t i = 0; i < n; i++) {
        const char *realm = http_challenge_get(&ch[i], "realm");
        if (!streq(ch[i].scheme, "bearer") || !realm)
            continue;
        struct ask k = {.c = c,
                        .h = h,
                        .realm = realm,
                        .service = http_challenge_get(&ch[i], "service"),
                        .scope = scope,
                        .cancel = cancel,
                        .a = &a};
        return answer_bearer(&k, e);
    }
    for (size_t i = 0; i < n; i++)
        if (streq(ch[i].scheme, "basic"))
            return answer_basic(h, sent_basic, e);
    return err_set(e, SHALE_UNAUTHORIZED,
                   "unauthorized: %s asks for a kind of login that shale does not know", h->domain);
}

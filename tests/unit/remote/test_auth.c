/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets which credentials, and who does not. */
#include "registry.h"

#include "base/pool.h"

#define MANIFEST "{\"schemaVersion\":2}"
#define GOOD     "Basic dXNlcjpzZWNyZXQ=" /* user:secret */
#define CONFIG   "{\"auths\":{\"%s\":{\"auth\":\"%s\"}}}"

enum {
    BEARER,         /* tokens of /token; w->n is the number of the valid one */
    BEARER_NEVER,   /* no token will do */
    BEARER_SCOPE,   /* good token, not for this */
    BASIC,          /* user:secret */
    TWO_LINES,      /* Basic and Bearer in lines of their own */
    REDIRECT,       /* to w->text, which asks for a login */
    CDN_ASKS,       /* the target */
    TOKEN_BUSY,     /* the token server fails once */
    TOKEN_HTML,     /* … is no token server */
    TOKEN_EMPTY,    /* … gives none */
    TOKEN_NO_POST,  /* … knows GET only */
    TOKEN_REFUSES,  /* … says 401 */
    UNKNOWN_SCHEME, /* Negotiate */
    PLAIN_REALM,    /* over TLS, but the token server is not */
};

static bool token(struct peer *p, const struct asked *q)
{
    struct world *w = p->server->arg;
    char body[200];

    if (w->mode == TOKEN_BUSY && n_asked(&w->s, q->path) == 1)
        return reply(p, 503, "", "later");
    if (w->mode == TOKEN_NO_POST && is(q->method, "POST"))
        return reply(p, 404, "", "");
    if (w->mode == TOKEN_HTML)
        return reply(p, 200, "Content-Type: text/html\r\n", "<html>login</html>");
    if (w->mode == TOKEN_EMPTY)
        return reply(p, 200, "", "{\"token\":\"\"}");
    if (w->mode == TOKEN_REFUSES)
        return reply(p, 401, "", "");
    snprintf(body, sizeof body, "{\"%s\":\"t%d\",\"expires_in\":300}",
             is(q->method, "POST") ? "access_token" : "token", w->n);
    return reply(p, 200, "", body);
}

static bool ask(struct peer *p, const char *scheme, const char *host, const char *more)
{
    char headers[400];

    snprintf(
        headers, sizeof headers,
        "WWW-Authenticate: Bearer realm=\"%s://%s/token\",service=\"reg & co\",scope=\"x\"%s\r\n",
        scheme, host, more);
    return reply(
        p, 401, headers,
        "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}");
}

static bool registry(struct peer *p, const struct asked *q)
{
    struct world *w = p->server->arg;
    char want[40], to[100];

    if (str_has_prefix(q->path, "/token"))
        return token(p, q);
    snprintf(want, sizeof want, "Bearer t%d", w->n);
    switch (w->mode) {
    case BASIC:
        return is(q->authorization, GOOD)
                   ? reply(p, 200, "", MANIFEST)
                   : reply(p, 401, "WWW-Authenticate: Basic realm=\"r\"\r\n", "");
    case REDIRECT:
        snprintf(to, sizeof to, "Location: http://%s/cdn\r\n", w->text);
        return reply(p, 307, to, "");
    case UNKNOWN_SCHEME:
        return reply(p, 401, "WWW-Authenticate: Negotiate\r\n", "");
    case TWO_LINES:
        if (!is(q->authorization, want)) {
            snprintf(to, sizeof to, "http://%s/token", w->s.host);
            say(p,
                "HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n"
                "www-authenticate: Bearer realm=\"%s\"\r\n\r\n",
                to);
            return true;
        }
        return reply(p, 200, "", MANIFEST);
    case BEARER_SCOPE:
        return ask(p, "http", w->s.host,
                   q->authorization[0] ? ",error=\"insufficient_scope\"" : "");
    case BEARER_NEVER:
    case CDN_ASKS:
        return ask(p, "http", w->s.host, "");
    case PLAIN_REALM:
        return ask(p, "http", w->text, "");
    default:
        return is(q->authorization, want) ? reply(p, 200, "", MANIFEST)
                                          : ask(p, "http", w->s.host, "");
    }
}

/* A world with credentials ("auth" of config.json, NULL: none). */
static struct world *world_of(int mode, const char *auth)
{
    struct world *w = world_new(registry, mode, false);
    char text[300];

    snprintf(text, sizeof text, CONFIG, w->s.host, auth ? auth : "");
    if (auth)
        world_file(w, "config.json", 0600, text);
    world_open(w, NULL);
    return w;
}

static size_t n_tokens(struct world *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->s.n_asked; i++)
        n += str_has_prefix(w->s.asked[i].path, "/token");
    return n;
}

static const struct asked *token_request(struct world *w)
{
    for (size_t i = 0; i < w->s.n_asked; i++)
        if (str_has_prefix(w->s.asked[i].path, "/token"))
            return &w->s.asked[i];
    fail_msg("no token was asked for");
    return NULL;
}

static void test_anonymous_token(void **state)
{
    struct world *w = world_of(BEARER, NULL);

    assert_ok(w, get_manifest(w, "v1"));
    assert_ok(w, get_manifest(w, "v2"));
    assert_int_equal(n_tokens(w), 1); /* it is kept */
    assert_string_equal(token_request(w)->path,
                        "/token?scope=repository%3Ateam%2Fapp%3Apull&service=reg%20%26%20co");
    assert_string_equal(token_request(w)->authorization, "");
    w->n++; /* it runs out on the server's side */
    assert_ok(w, get_manifest(w, "v1"));
    assert_int_equal(n_tokens(w), 2);
    world_free(w);
}

static void test_token_with_credentials(void **state)
{
    struct world *w = world_of(BEARER, "dXNlcjpzZWNyZXQ=");

    assert_ok(w, get_manifest(w, "v1"));
    assert_string_equal(token_request(w)->authorization, GOOD);
    assert_non_null(strstr(token_request(w)->path, "&account=user"));
    for (size_t i = 0; i < w->s.n_asked; i++) /* the password is for the token server only */
        if (!str_has_prefix(w->s.asked[i].path, "/token"))
            assert_string_not_equal(w->s.asked[i].authorization, GOOD);
    world_free(w);
}

static void test_refusals(void **state)
{
    static const struct {
        int mode;
        const char *auth;
        int code;
        size_t most_tokens;
        const char *text;
    } rows[] = {
        {BEARER_NEVER, NULL, SHALE_UNAUTHORIZED, 1, "unauthorized: authentication required"},
        {BEARER_SCOPE, NULL, SHALE_DENIED, 1, "denied: requested access to the resource is denied"},
        {BASIC, NULL, SHALE_UNAUTHORIZED, 0, "no basic auth credentials"},
        {BASIC, "dXNlcjp3cm9uZw==", SHALE_UNAUTHORIZED, 0, "unauthorized: authentication required"},
        {TOKEN_HTML, NULL, SHALE_UNAUTHORIZED, 1, "bad answer of the token server"},
        {TOKEN_EMPTY, NULL, SHALE_UNAUTHORIZED, 1, "did not include a token"},
        {TOKEN_REFUSES, "dXNlcjpzZWNyZXQ=", SHALE_UNAUTHORIZED, 1,
         "incorrect username or password"},
        {UNKNOWN_SCHEME, NULL, SHALE_UNAUTHORIZED, 0, "a kind of login"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world *w = world_of(rows[i].mode, rows[i].auth);
        assert_error(w, get_manifest(w, "v1"), rows[i].code, rows[i].text);
        assert_true(n_tokens(w) <= rows[i].most_tokens);
        assert_true(w->s.n_asked <= 4);
        world_free(w);
    }
}

static void test_basic(void **state)
{
    struct world *w = world_of(BASIC, "dXNlcjpzZWNyZXQ=");

    assert_ok(w, get_manifest(w, "v1"));
    assert_ok(w, get_manifest(w, "v1"));
    assert_int_equal(w->s.n_asked, 3); /* not sent unasked, but then kept */
    assert_string_equal(w->s.asked[0].authorization, "");
    world_free(w);
}

static int get_one(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct world *w = arg;
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4096);
    struct descriptor d;

    return w->src->ops->manifest(w->src, i % 2 ? "v1" : "v2", &b, &a, &d, c, e);
}

static void test_threads(void **state)
{
    struct world *w = world_of(BEARER, "dXNlcjpzZWNyZXQ=");

    assert_ok(w, pool_run(get_one, w, 24, 4, NULL, &w->e));
    assert_true(n_tokens(w) >= 1 && n_tokens(w) <= 4); /* each thread at most one */
    world_free(w);
}

static void test_challenges_in_lines(void **state)
{
    struct world *w = world_of(TWO_LINES, NULL);

    assert_ok(w, get_manifest(w, "v1"));
    assert_int_equal(n_tokens(w), 1);
    world_free(w);
}

static void test_token_server_is_retried(void **state)
{
    struct world *w = world_of(TOKEN_BUSY, NULL);

    assert_ok(w, get_manifest(w, "v1"));
    assert_int_equal(n_tokens(w), 2);
    world_free(w);
}

static void test_identity_token(void **state)
{
    struct world *w = world_new(registry, BEARER, false);
    const char *body;

    world_file(w, "config.json", 0600,
               arena_printf(&w->a, "{\"auths\":{\"https://%s/v1/\":{\"identitytoken\":\"i&d\"}}}",
                            w->s.host));
    world_open(w, NULL);
    assert_ok(w, get_manifest(w, "v1"));
    assert_string_equal(token_request(w)->method, "POST");
    body = token_request(w)->body;
    assert_non_null(strstr(body, "grant_type=refresh_token"));
    assert_non_null(strstr(body, "refresh_token=i%26d"));
    assert_non_null(strstr(body, "scope=repository%3Ateam%2Fapp%3Apull"));
    assert_string_equal(token_request(w)->path, "/token");
    world_free(w);

    w = world_new(registry, TOKEN_NO_POST, false);
    world_file(w, "config.json", 0600,
               arena_printf(&w->a,
                            "{\"auths\":{\"%s\":{\"identitytoken\":\"id\",\"auth\":"
                            "\"dXNlcjpzZWNyZXQ=\"}}}",
                            w->s.host));
    world_open(w, NULL);
    assert_ok(w, get_manifest(w, "v1"));
    assert_int_equal(n_tokens(w), 2);
    assert_string_equal(w->s.asked[w->s.n_asked - 2].method, "GET");
    assert_string_equal(w->s.asked[w->s.n_asked - 2].authorization, GOOD);
    world_free(w);
}

/* The target of a redirect asks for a login and names its own token server: it gets nothing. */
static void test_redirect_gets_nothing(void **state)
{
    struct world *cdn = world_new(registry, CDN_ASKS, false);
    struct world *w = world_of(REDIRECT, "dXNlcjpzZWNyZXQ=");

    w->text = cdn->s.host;
    assert_int_equal(get_manifest(w, "v1"), -SHALE_UNAUTHORIZED);
    assert_int_equal(n_tokens(cdn), 0);
    assert_int_equal(cdn->s.n_asked, 1);
    assert_string_equal(cdn->s.asked[0].authorization, "");
    world_free(w);
    world_free(cdn);
}

/* Over TLS (with a CA from certs.d): a password never goes to a token server in the clear. */
static void test_plain_realm_is_refused(void **state)
{
    struct world *plain = world_new(registry, BEARER, false);
    struct world *w = world_new(registry, PLAIN_REALM, true);

    w->text = plain->s.host;
    world_file(w, arena_printf(&w->a, "certs/%s/ca.crt", w->s.host), 0644, w->s.cert_pem);
    world_file(w, "config.json", 0600, arena_printf(&w->a, CONFIG, w->s.host, "dXNlcjpzZWNyZXQ="));
    world_open(w, NULL);
    assert_error(w, get_manifest(w, "v1"), SHALE_DENIED, "token server without TLS");
    assert_int_equal(plain->s.n_asked, 0);
    world_free(w);
    world_free(plain);
}

/* ---- TLS material ---- */

static bool fine(struct peer *p, const struct asked *q)
{
    return reply(p, 200, "", MANIFEST);
}

static void test_certs_dir(void **state)
{
    struct world *w = world_new(fine, 0, true), *other = world_new(fine, 0, true);

    world_file(w, arena_printf(&w->a, "certs/%s/ca.crt", w->s.host), 0644, w->s.cert_pem);
    world_open(w, NULL);
    assert_ok(w, get_manifest(w, "v1"));

    /* The wrong CA: refused, and not asked again in the clear, loopback or not. */
    world_file(other, arena_printf(&w->a, "certs/%s/ca.crt", other->s.host), 0644, w->s.cert_pem);
    world_open(other, NULL);
    assert_error(other, get_manifest(other, "v1"), SHALE_NETWORK,
                 "certificate signed by unknown authority");
    assert_int_equal(other->s.n_asked, 0);
    world_free(other);
    world_free(w);
}

static void test_certs_dir_incomplete(void **state)
{
    static const char *const names[] = {"client.cert", "client.key"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct world *w = world_new(fine, 0, false);
        world_file(w, arena_printf(&w->a, "certs/%s/%s", w->s.host, names[i]), 0644, "x");
        world_open(w, NULL);
        assert_error(w, get_manifest(w, "v1"), SHALE_INVALID, "missing ");
        assert_int_equal(w->s.n_asked, 0);
        world_free(w);
    }
}

/* As docker: on loopback a certificate that nobody vouches for will do. */
static void test_loopback_is_trusted(void **state)
{
    struct world *w = world_new(fine, 0, true);

    world_open(w, NULL);
    assert_ok(w, get_manifest(w, "v1"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anonymous_token),
        cmocka_unit_test(test_token_with_credentials),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_challenges_in_lines),
        cmocka_unit_test(test_token_server_is_retried),
        cmocka_unit_test(test_identity_token),
        cmocka_unit_test(test_redirect_gets_nothing),
        cmocka_unit_test(test_plain_realm_is_refused),
        cmocka_unit_test(test_certs_dir),
        cmocka_unit_test(test_certs_dir_incomplete),
        cmocka_unit_test(test_loopback_is_trusted),
    };
    unsetenv("http_proxy");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

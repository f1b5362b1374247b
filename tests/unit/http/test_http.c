/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include "peer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "base/str.h"
#include "base/time.h"

struct world {
    struct server s;
    struct http_client *c;
    struct arena a;
    struct buf body;
    struct http_response p;
    struct shale_err e;
    enum http_failure failure;
};

/* A server and a client that gives up after a second without bytes. */
static struct world *world_new(bool (*answer)(struct peer *p, const struct asked *q), bool tls)
{
    struct world *w = calloc(1, sizeof *w);
    const struct http_opts o = {.user_agent = "test/1",
                                .connect_timeout_ns = 2 * NS_PER_S,
                                .stall_timeout_ns = 1 * NS_PER_S};

    assert_non_null(w);
    w->s.tls = tls;
    server_start(&w->s, answer, w);
    arena_init(&w->a, 16u << 20);
    buf_init(&w->body, 4u << 20);
    assert_int_equal(http_open(&o, &w->c, &w->e), 0);
    return w;
}

static void world_free(struct world *w)
{
    http_close(w->c);
    server_stop(&w->s);
    buf_clear(&w->body);
    arena_clear(&w->a);
    free(w);
}

static char *at(struct world *w, const char *path)
{
    return arena_printf(&w->a, "%s://%s%s", w->s.tls ? "https" : "http", w->s.host, path);
}

static int run(struct world *w, struct http_request *rq)
{
    rq->method = rq->method ? rq->method : "GET";
    rq->failure = &w->failure;
    if (!rq->on_body && !rq->collect)
        rq->collect = &w->body;
    buf_reset(&w->body);
    w->e = (struct shale_err)SHALE_ERR_INIT;
    return http_do(w->c, rq, &w->a, &w->p, &w->e);
}

static int get(struct world *w, const char *path)
{
    struct http_request rq = {.url = at(w, path)};

    return run(w, &rq);
}

#define assert_ok(w, call)                                                                         \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s", (w)->e.msg);                                                            \
    } while (0)
#define assert_has(text, piece)                                                                    \
    do {                                                                                           \
        if (!strstr(text, piece))                                                                  \
            fail_msg("no '%s' in: %s", piece, text);                                               \
    } while (0)

/* ---- what should work ---- */

static bool plain_answers(struct peer *p, const struct asked *q)
{
    if (streq(q->path, "/chunked")) {
        say(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Field:  some value \r\n\r\n"
               "5\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n");
        return true;
    }
    if (streq(q->path, "/missing"))
        return reply(p, 404, "Content-Type: text/plain\r\n", "no");
    if (streq(q->path, "/continue")) {
        say(p, "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n");
        return reply(p, 200, "", "final");
    }
    if (streq(q->method, "HEAD")) {
        say(p, "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nDocker-Content-Digest: d\r\n\r\n");
        return true;
    }
    return reply(p, 200, "", q->body[0] ? q->body : "hello");
}

static void test_exchange(void **state)
{
    struct world *w = world_new(plain_answers, false);

    assert_ok(w, get(w, "/chunked"));
    assert_int_equal(w->p.status, 200);
    assert_string_equal(buf_str(&w->body), "hello world");
    assert_string_equal(http_header_get(&w->p, "x-field"), "some value");
    assert_null(http_header_get(&w->p, "trailer"));
    assert_false(w->p.elsewhere);

    assert_ok(w, get(w, "/missing")); /* an answer, not a failure */
    assert_int_equal(w->p.status, 404);
    assert_string_equal(buf_str(&w->body), "no");

    assert_ok(w, get(w, "/continue"));
    assert_int_equal(w->p.status, 200);
    assert_null(http_header_get(&w->p, "Link"));

    struct http_request head = {.method = "HEAD", .url = at(w, "/h")};
    assert_ok(w, run(w, &head));
    assert_string_equal(http_header_get(&w->p, "Content-Length"), "12345");
    assert_int_equal(w->body.n, 0);

    struct http_request post = {.method = "POST",
                                .url = at(w, "/p"),
                                .body = "a=b",
                                .body_n = 3,
                                .authorization = "Basic x"};
    assert_ok(w, run(w, &post));
    assert_string_equal(buf_str(&w->body), "a=b");
    assert_string_equal(w->s.asked[4].method, "POST");
    assert_string_equal(w->s.asked[4].authorization, "Basic x");
    assert_string_equal(w->s.asked[3].authorization, "");
    assert_int_equal(w->s.n_peers, 1); /* one connection served all of it */
    world_free(w);
}

static int get_some(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct world *w = arg;

    for (int k = 0; k < 5; k++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
        _cleanup_(buf_clear) struct buf b = BUF_INIT(1000);
        struct http_response p;
        char url[64];
        snprintf(url, sizeof url, "http://%s/%zu/%d", w->s.host, i, k);
        struct http_request rq = {.method = "GET", .url = url, .collect = &b, .cancel = c};
        int r = http_do(w->c, &rq, &a, &p, e);
        if (r < 0)
            return r;
        if (p.status != 200 || !streq(buf_str(&b), "hello"))
            return err_set(e, SHALE_INTERNAL, "status %d", p.status);
    }
    return 0;
}

static void test_threads_share(void **state)
{
    struct world *w = world_new(plain_answers, false);

    assert_ok(w, pool_run(get_some, w, 8, 4, NULL, &w->e));
    assert_int_equal(n_asked(&w->s, NULL), 40);
    assert_true(w->s.n_peers <= 4);
    world_free(w);
}

/* ---- callbacks ---- */

struct heard {
    int n_heads, status;
    size_t n_bytes, stop_after;
    bool body_before_head;
};

static int on_head(void *arg, const struct http_response *p, struct shale_err *e)
{
    struct heard *h = arg;

    h->n_heads++;
    h->status = p->status;
    return p->status == 404 ? err_set(e, SHALE_NOT_FOUND, "said by on_head") : 0;
}

static int on_body(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct heard *h = arg;

    h->body_before_head |= h->n_heads != 1;
    h->n_bytes += n;
    return h->n_bytes > h->stop_after ? err_set(e, SHALE_NO_SPACE, "said by on_body") : 0;
}

static void test_callbacks(void **state)
{
    struct world *w = world_new(plain_answers, false);
    struct heard h = {.stop_after = 100};
    struct http_request rq = {
        .url = at(w, "/chunked"), .on_head = on_head, .on_body = on_body, .arg = &h};

    assert_ok(w, run(w, &rq));
    assert_int_equal(h.n_heads, 1);
    assert_int_equal(h.n_bytes, 11);
    assert_false(h.body_before_head);

    h = (struct heard){.stop_after = 3};
    assert_int_equal(run(w, &rq), -SHALE_NO_SPACE);
    assert_string_equal(w->e.msg, "said by on_body");
    assert_int_equal(w->failure, HTTP_FAIL_NONE); /* nothing that trying again would mend */

    h = (struct heard){.stop_after = 100};
    rq.url = at(w, "/missing");
    assert_int_equal(run(w, &rq), -SHALE_NOT_FOUND);
    assert_string_equal(w->e.msg, "said by on_head");
    assert_int_equal(h.n_bytes, 0);

    h = (struct heard){.stop_after = 100};
    rq.url = at(w, "/chunked"); /* the client lives on */
    assert_ok(w, run(w, &rq));
    world_free(w);
}

/* ---- redirects ---- */

static bool redirects(struct peer *p, const struct asked *q)
{
    char to[200];

    if (streq(q->path, "/loop"))
        return reply(p, 307, "Location: /loop\r\n", "");
    if (streq(q->path, "/relative"))
        return reply(p, 302, "Location: down/here?x=1\r\n", "");
    if (streq(q->path, "/file"))
        return reply(p, 302, "Location: file:///etc/passwd\r\n", "");
    if (streq(q->path, "/without"))
        return reply(p, 302, "", "nowhere");
    if (str_has_prefix(q->path, "/to/")) { /* /to/HOST/PATH */
        const char *slash = strchr(q->path + 4, '/');
        snprintf(to, sizeof to, "Location: http://%s\r\n", q->path + 4);
        return slash ? reply(p, 307, to, "") : false;
    }
    if (streq(q->path, "/huge")) {
        static const char zeros[4096];
        say(p, "HTTP/1.1 302 X\r\nLocation: /x\r\nContent-Length: 99999999\r\n\r\n");
        for (int i = 0; i < 1000; i++)
            say_bytes(p, zeros, sizeof zeros);
        return false;
    }
    return reply(p, 200, "", "there");
}

static void test_redirects(void **state)
{
    struct world *w = world_new(redirects, false);
    struct http_request rq = {.url = at(w, "/relative"), .authorization = "Bearer secret"};

    assert_ok(w, run(w, &rq));
    assert_string_equal(buf_str(&w->body), "there");
    assert_string_equal(w->p.url, at(w, "/down/here?x=1"));
    assert_false(w->p.elsewhere);
    assert_string_equal(w->s.asked[1].authorization, "Bearer secret"); /* the same place */

    rq.url = at(w, "/loop");
    assert_int_equal(run(w, &rq), -SHALE_LIMIT);
    assert_has(w->e.msg, "stopped after 10 redirects");
    assert_int_equal(n_asked(&w->s, "/loop"), HTTP_MAX_REDIRECTS + 1);

    rq.url = at(w, "/file");
    assert_int_equal(run(w, &rq), -SHALE_INVALID);
    rq.url = at(w, "/huge");
    assert_int_equal(run(w, &rq), -SHALE_LIMIT);
    rq.url = at(w, "/without");
    assert_ok(w, run(w, &rq));
    assert_int_equal(w->p.status, 302);

    struct http_request post = {.method = "POST", .url = at(w, "/relative")};
    assert_ok(w, run(w, &post)); /* secrets in a body are not sent on */
    assert_int_equal(w->p.status, 302);
    world_free(w);
}

static void test_redirect_elsewhere(void **state)
{
    struct world *w = world_new(redirects, false), *other = world_new(redirects, false);
    char *back = arena_printf(&w->a, "/to/%s/to/%s/end", other->s.host, w->s.host);
    struct http_request rq = {.url = at(w, arena_printf(&w->a, "/to/%s/end", other->s.host)),
                              .authorization = "Bearer secret"};

    assert_ok(w, run(w, &rq));
    assert_string_equal(buf_str(&w->body), "there");
    assert_true(w->p.elsewhere);
    assert_int_equal(n_asked(&other->s, NULL), 1);
    assert_string_equal(w->s.asked[0].authorization, "Bearer secret");
    assert_string_equal(other->s.asked[0].authorization, "");

    rq.url = at(w, back); /* away and back again: lost for good */
    assert_ok(w, run(w, &rq));
    assert_string_equal(w->s.asked[2].path, "/end");
    assert_string_equal(w->s.asked[2].authorization, "");
    world_free(other);
    world_free(w);
}

/* ---- what a hostile server does ---- */

static bool hostile(struct peer *p, const struct asked *q)
{
    if (streq(q->path, "/nothing"))
        return false;
    if (streq(q->path, "/short")) {
        say(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
        return false;
    }
    if (streq(q->path, "/half-head")) {
        say(p, "HTTP/1.1 200 OK\r\nContent-Le");
        return false;
    }
    if (streq(q->path, "/stall-body")) {
        say(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
        return stall(p);
    }
    if (streq(q->path, "/stall"))
        return stall(p);
    if (streq(q->path, "/garbage")) {
        say(p, "220 smtp.example.org ESMTP\r\n");
        return false;
    }
    if (streq(q->path, "/status")) {
        say(p, "HTTP/1.1 99999 OK\r\n\r\n");
        return false;
    }
    if (streq(q->path, "/long-line")) {
        say(p, "HTTP/1.1 200 OK\r\nX: ");
        for (int i = 0; i < 100000; i++)
            say(p, "0123456789");
        return false;
    }
    for (int i = 0; i < 100000 && streq(q->path, "/continues"); i++)
        say(p, "HTTP/1.1 100 Continue\r\n\r\n");
    say(p, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 5000 && streq(q->path, "/many-lines"); i++)
        say(p, "X-%d: y\r\n", i);
    for (int i = 0; i < 500 && streq(q->path, "/many-bytes"); i++)
        say(p, "X-%d: %01000d\r\n", i, 0);
    say(p, "Content-Length: 20\r\n\r\n01234567890123456789");
    return true;
}

static void test_hostile(void **state)
{
    static const struct {
        const char *path;
        int code;
        enum http_failure failure;
        const char *text;
    } rows[] = {
        {"/nothing", SHALE_NETWORK, HTTP_FAIL_BROKEN, "unexpected EOF"},
        {"/short", SHALE_NETWORK, HTTP_FAIL_BROKEN, "unexpected EOF"},
        {"/half-head", SHALE_NETWORK, HTTP_FAIL_BROKEN, "malformed HTTP response"},
        {"/stall", SHALE_TIMEOUT, HTTP_FAIL_BROKEN, "the server stopped sending"},
        {"/stall-body", SHALE_TIMEOUT, HTTP_FAIL_BROKEN, "the server stopped sending"},
        {"/garbage", SHALE_NETWORK, HTTP_FAIL_NONE, "malformed HTTP response"},
        {"/status", SHALE_NETWORK, HTTP_FAIL_NONE, ""},
        {"/long-line", SHALE_LIMIT, HTTP_FAIL_NONE, "header"},
        {"/many-lines", SHALE_LIMIT, HTTP_FAIL_NONE, "more than 512 header lines"},
        {"/many-bytes", SHALE_LIMIT, HTTP_FAIL_NONE, "header"},
        {"/continues", SHALE_LIMIT, HTTP_FAIL_NONE, "header"},
    };
    struct world *w = world_new(hostile, false);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t start = time_mono_ns();
        int r = get(w, rows[i].path);
        if (r != -rows[i].code || w->failure != rows[i].failure || !strstr(w->e.msg, rows[i].text))
            fail_msg("%s: %s, failure %d, %s", rows[i].path, err_name(-r), w->failure, w->e.msg);
        assert_true(time_mono_ns() - start < 10 * NS_PER_S);
    }
    assert_ok(w, get(w, "/fine")); /* and after all that: */
    assert_string_equal(buf_str(&w->body), "01234567890123456789");
    world_free(w);
}

/* A kept connection that the server closes while a body is sent on it: curl would send all of it
 * again on another one, but what was read is gone. */
static bool hang_up(struct peer *p, const struct asked *q)
{
    if (!streq(q->method, "GET")) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup3(null, p->fd, O_CLOEXEC); /* the number stays taken until the server stops */
        close(null);
        return false;
    }
    p->server->hasty = true;
    p->n_in = 0;
    return reply(p, 200, "", "fine");
}

static ssize_t zeros(void *arg, void *to, size_t n, struct shale_err *e)
{
    memset(to, 0, n);
    return (ssize_t)n;
}

static void test_body_breaks_on_a_kept_connection(void **state)
{
    for (int i = 0; i < 20; i++) {
        struct world *w = world_new(hang_up, false);
        struct http_request rq = {
            .method = "PATCH", .url = at(w, "/up"), .body_n = 64 << 20, .read_body = zeros};

        assert_ok(w, get(w, "/fine"));
        assert_int_equal(run(w, &rq), -SHALE_NETWORK);
        if (w->failure != HTTP_FAIL_BROKEN)
            fail_msg("failure %d: %s", w->failure, w->e.msg);
        world_free(w);
    }
}

static void test_limits_of_the_caller(void **state)
{
    struct world *w = world_new(hostile, false);
    _cleanup_(buf_clear) struct buf small = BUF_INIT(19);
    struct http_request rq = {.url = at(w, "/fine"), .collect = &small};
    char *longest = arena_alloc(&w->a, HTTP_MAX_URL_BYTES + 100);

    assert_int_equal(run(w, &rq), -SHALE_LIMIT);
    memset(longest, 'x', HTTP_MAX_URL_BYTES + 10);
    memcpy(longest, "http://127.0.0.1/", 17);
    rq.url = longest;
    assert_int_equal(run(w, &rq), -SHALE_LIMIT);
    rq.url = "ftp://127.0.0.1/x";
    assert_int_equal(run(w, &rq), -SHALE_INVALID);
    rq.url = "http://bad host/";
    assert_int_equal(run(w, &rq), -SHALE_INVALID);
    world_free(w);
}

static void test_nobody_listens(void **state)
{
    struct world *w = world_new(hostile, false);
    char url[64], want[200];
    int port = port_unused();
    struct http_request rq = {.url = url};

    snprintf(url, sizeof url, "http://127.0.0.1:%d/v2/", port);
    snprintf(want, sizeof want,
             "Get \"http://127.0.0.1:%d/v2/\": dial tcp 127.0.0.1:%d: connect: connection refused",
             port, port);
    assert_int_equal(run(w, &rq), -SHALE_NETWORK);
    assert_string_equal(w->e.msg, want);
    assert_int_equal(w->failure, HTTP_FAIL_CONNECT);
    world_free(w);
}

/* ---- cancel ---- */

static void *cancel_soon(void *arg)
{
    poll(NULL, 0, 200);
    cancel_set(arg);
    return NULL;
}

static void test_cancel(void **state)
{
    struct world *w = world_new(hostile, false);
    struct cancel c = {false};
    struct http_request rq = {.url = at(w, "/stall"), .cancel = &c};
    pthread_t t;
    int64_t start = time_mono_ns();

    assert_int_equal(pthread_create(&t, NULL, cancel_soon, &c), 0);
    assert_int_equal(run(w, &rq), -SHALE_CANCELED);
    assert_true(time_mono_ns() - start < 900 * NS_PER_MS); /* before the stall would end it */
    pthread_join(t, NULL);
    assert_int_equal(run(w, &rq), -SHALE_CANCELED);
    assert_int_equal(n_asked(&w->s, NULL), 1);
    world_free(w);
}

/* ---- TLS ---- */

static bool over_tls(struct peer *p, const struct asked *q)
{
    if (streq(q->path, "/down"))
        return reply(p, 307, "Location: http://127.0.0.1:1/x\r\n", "");
    return reply(p, 200, "", "secret");
}

static void test_tls(void **state)
{
    struct world *w = world_new(over_tls, true);
    struct http_tls tls = {0};
    struct http_request rq = {.url = at(w, "/x"), .tls = &tls};

    assert_int_equal(run(w, &rq), -SHALE_NETWORK);
    assert_int_equal(w->failure, HTTP_FAIL_CERT);
    assert_has(w->e.msg, "x509: certificate signed by unknown authority");
    assert_int_equal(n_asked(&w->s, NULL), 0);

    tls.ca_pem = w->s.cert_pem;
    assert_ok(w, run(w, &rq));
    assert_string_equal(buf_str(&w->body), "secret");

    rq.url = at(w, "/down");
    assert_int_equal(run(w, &rq), -SHALE_DENIED);
    assert_has(w->e.msg, "redirects from https to http");

    tls = (struct http_tls){0}; /* a connection with other trust is not used for this */
    rq.url = at(w, "/x");
    assert_int_equal(run(w, &rq), -SHALE_NETWORK);
    tls.insecure = true;
    assert_ok(w, run(w, &rq));

    tls = (struct http_tls){.ca_pem = w->s.cert_pem}; /* not a name of the certificate */
    rq.url = arena_printf(&w->a, "https://127.0.0.2:%d/", w->s.port);
    assert_int_equal(run(w, &rq), -SHALE_NETWORK);
    world_free(w);
}

static void test_tls_where_there_is_none(void **state)
{
    struct world *w = world_new(hostile, false);
    struct http_request rq = {.url = arena_printf(&w->a, "https://%s/x", w->s.host)};

    w->s.deaf = true; /* the server waits for a head that does not come */
    assert_int_equal(run(w, &rq), -SHALE_TIMEOUT);
    assert_has(w->e.msg, "TLS handshake timeout");
    assert_true(w->failure == HTTP_FAIL_TLS || w->failure == HTTP_FAIL_HANDSHAKE);
    world_free(w);
}

static void test_plain_answer_to_tls(void **state)
{
    struct world *w = world_new(hostile, false);
    struct http_request rq = {.url = arena_printf(&w->a, "https://%s/x", w->s.host)};

    assert_int_equal(run(w, &rq), -SHALE_NETWORK);
    assert_has(w->e.msg, "http: server gave HTTP response to HTTPS client");
    assert_int_equal(w->failure, HTTP_FAIL_TLS);
    world_free(w);
}

/* ---- proxies ---- */

static void test_proxy(void **state)
{
    struct world *w = world_new(plain_answers, false), *proxy = world_new(plain_answers, false);

    setenv("http_proxy", at(proxy, ""), 1);
    struct http_request rq = {.url = "http://registry.invalid/v2/"};
    int r = run(w, &rq);
    int loopback = get(w, "/x");
    unsetenv("http_proxy");
    assert_ok(w, r);
    assert_ok(w, loopback);
    assert_int_equal(n_asked(&proxy->s, NULL), 1);
    assert_string_equal(proxy->s.asked[0].path, "http://registry.invalid/v2/");
    assert_int_equal(n_asked(&w->s, "/x"), 1); /* as Go: this machine is asked directly */
    world_free(proxy);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_threads_share),
        cmocka_unit_test(test_callbacks),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_redirect_elsewhere),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_body_breaks_on_a_kept_connection),
        cmocka_unit_test(test_limits_of_the_caller),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_tls_where_there_is_none),
        cmocka_unit_test(test_plain_answer_to_tls),
        cmocka_unit_test(test_proxy),
    };
    /* What the environment says about proxies is not for these servers. */
    unsetenv("http_proxy");
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One request to a registry: credentials, the right scheme, bounded retries. */
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/time.h"
#include "remote/remote_priv.h"

#define ERROR_BODY_MAX (64u << 10)

/* ---- retries ---- */

/* Half of the pause is fixed, half is chance, so that many clients do not come back at once. */
static int64_t jitter(int64_t pause)
{
    char hex[5];
    uint64_t x = 0;

    if (pause < 2 || random_hex(hex, 2, NULL) < 0)
        return pause;
    for (const char *p = hex; *p; p++)
        x = x * 16 + (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
    return pause / 2 + (int64_t)((uint64_t)(pause / 2) * x / 0xffff);
}

int attempts_wait(struct remote_client *c, struct attempts *t, int64_t asked_ns,
                  struct cancel *cancel, struct shale_err *e)
{
    if (t->n_used >= c->o.n_retries || asked_ns > c->o.retry_after_max_ns)
        return -SHALE_NETWORK;
    t->n_used++;
    t->delay_ns = t->delay_ns ? t->delay_ns * 2 : c->o.retry_delay_ns;
    if (t->delay_ns > c->o.retry_delay_max_ns)
        t->delay_ns = c->o.retry_delay_max_ns;
    int64_t pause = asked_ns > 0 ? asked_ns : jitter(t->delay_ns);
    if (t->on_pause)
        t->on_pause(t->arg, pause);
    for (int64_t end = time_mono_ns() + pause, now; (now = time_mono_ns()) < end;) {
        int r = cancel_check(cancel, e);
        if (r < 0)
            return r;
        int64_t ms = (end - now) / NS_PER_MS + 1;
        poll(NULL, 0, ms < 100 ? (int)ms : 100);
    }
    return 0;
}

struct attempts attempts_for(const struct remote_client *c, const struct remote_host *h)
{
    return (struct attempts){.n_used = h->mirror && c->o.n_retries > 1 ? c->o.n_retries - 1 : 0};
}

/* ---- one exchange ---- */

struct running {
    const struct call *call;
    bool good;  /* the head said 2xx */
    bool begun; /* on_body has seen bytes */
    bool sent;  /* read_body has given bytes */
    bool basic; /* Basic credentials went along */
    struct buf refusal;
};

static int on_head(void *arg, const struct http_response *p, struct shale_err *e)
{
    struct running *x = arg;

    x->good = p->status / 100 == 2;
    return x->good && x->call->on_head ? x->call->on_head(x->call->arg, p, e) : 0;
}

static int on_body(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct running *x = arg;

    if (!x->good) {
        buf_add(&x->refusal, p,
                n < x->refusal.max - x->refusal.n ? n : x->refusal.max - x->refusal.n);
        return 0;
    }
    x->begun = true;
    if (x->call->on_body)
        return x->call->on_body(x->call->arg, p, n, e);
    if (!x->call->collect)
        return 0;
    buf_add(x->call->collect, p, n);
    return buf_check(x->call->collect, e);
}

static ssize_t read_body(void *arg, void *p, size_t n, struct shale_err *e)
{
    struct running *x = arg;

    x->sent = true;
    return x->call->read_body(x->call->arg, p, n, e);
}

/* Is it spoken to as the registry that we know? */
static bool is_home(const struct call *call)
{
    return !call->url || call->at_home;
}

static int exchange(struct remote_client *c, struct remote_host *h, struct running *x, bool plain,
                    struct arena *a, struct http_response *ret, enum http_failure *failure,
                    struct shale_err *e)
{
    const struct call *call = x->call;
    const struct {
        const char *name, *value;
    } lines[] = {
        {"Accept", call->accept},
        {"Range", call->range},
        {"Content-Type", call->content_type},
        {"Content-Range", call->content_range},
    };
    const char *headers[ARRAY_SIZE(lines) + 1] = {NULL};
    size_t n = 0;
    struct http_request rq = {.method = call->method,
                              .body = call->body,
                              .body_n = call->body_n,
                              .read_body = call->read_body ? read_body : NULL,
                              .on_head = on_head,
                              .on_body = on_body,
                              .arg = x,
                              .cancel = call->cancel,
                              .failure = failure};

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        if (lines[i].value)
            headers[n++] = arena_printf(a, "%s: %s", lines[i].name, lines[i].value);
    rq.headers = headers;
    rq.url = call->url;
    if (!call->url) {
        const char *root = call->root ? call->root : "v2/";
        rq.url = arena_printf(a, "%s://%s/%s%s", plain ? "http" : "https", h->endpoint, root,
                              call->path);
        /* docker pings a registry before it asks for anything */
        rq.fail_as = arena_printf(a, "%s://%s/%s", plain ? "http" : "https", h->endpoint, root);
    }
    if (is_home(call)) {
        rq.authorization = auth_known(h, call->scope, a);
        rq.own = c->own_headers;
        rq.tls = &h->tls;
        x->basic = rq.authorization && str_has_prefix(rq.authorization, "Basic ");
    }
    for (size_t i = 0; i < n; i++)
        if (!headers[i])
            return err_nomem(e);
    if (!rq.url)
        return err_nomem(e);
    x->good = false;
    buf_reset(&x->refusal);
    if (call->collect && !call->on_body)
        buf_reset(call->collect);
    return http_do(c->http, &rq, a, ret, e);
}

/* https first; where that is no must, http when nobody speaks TLS there. What worked is remembered.
 */
static int with_scheme(struct remote_client *c, struct remote_host *h, struct running *x,
                       struct arena *a, struct http_response *ret, enum http_failure *failure,
                       struct shale_err *e)
{
    pthread_mutex_lock(&h->mutex);
    bool known = h->known, plain = h->plain;
    pthread_mutex_unlock(&h->mutex);

    int r = exchange(c, h, x, plain, a, ret, failure, e);
    if (r < 0 && !known && !x->call->url && h->may_be_plain &&
        (*failure == HTTP_FAIL_TLS || *failure == HTTP_FAIL_CONNECT ||
         *failure == HTTP_FAIL_HANDSHAKE)) {
        plain = true;
        r = exchange(c, h, x, plain, a, ret, failure, e);
    }
    if (r >= 0 && !known && !x->call->url) {
        pthread_mutex_lock(&h->mutex);
        h->known = true;
        h->plain = plain;
        pthread_mutex_unlock(&h->mutex);
    }
    return r;
}

bool status_may_pass(int status)
{
    return status == 429 || status == 408 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

int64_t asked_pause(const struct http_response *p)
{
    const char *v = http_header_get(p, "Retry-After");
    int64_t ns;

    return v && http_parse_retry_after(v, time_now_ns(), &ns) ? ns : 0;
}

/* 1: try again. */
static int after_failure(struct remote_client *c, struct remote_host *h, struct running *x,
                         struct attempts *t, enum http_failure failure, int r, struct shale_err *e)
{
    pthread_mutex_lock(&h->mutex);
    bool known = h->known;
    pthread_mutex_unlock(&h->mutex);
    /* Who never answered is more likely a mistake of the user's than a bad line. */
    if (failure != HTTP_FAIL_BROKEN && failure != HTTP_FAIL_HANDSHAKE &&
        !(failure == HTTP_FAIL_CONNECT && known))
        return r;
    /* Part of a body is gone: the caller knows where to continue. */
    if ((x->begun && x->call->on_body) || x->sent)
        return r;
    int w = attempts_wait(c, t, 0, x->call->cancel, e);
    return w == 0 ? 1 : w == -SHALE_CANCELED ? w : r;
}

static int after_answer(struct remote_client *c, struct remote_host *h, struct running *x,
                        struct attempts *t, const struct http_response *p, int *n_logins,
                        struct shale_err *e)
{
    const struct call *call = x->call;
    struct shale_err why = SHALE_ERR_INIT;
    int r;

    /* Only the registry itself is answered: a redirect's target must not ask for its credentials. A
     * token may have run out, so one is fetched again once; Basic credentials cannot. */
    if (p->status == 401 && is_home(call) && !p->elsewhere && !x->sent &&
        (*n_logins)++ < (x->basic ? 2 : 1)) {
        r = auth_answer(c, h, call->scope, p, x->basic, call->cancel, &why);
        if (r >= 0)
            return 1;
        if (r == -SHALE_CANCELED)
            return cancel_check(call->cancel, e);
        return err_set(e, -r, "%s \"%s\": %s", streq(call->method, "HEAD") ? "Head" : "Get", p->url,
                       why.msg);
    }
    if (status_may_pass(p->status)) {
        int64_t pause = asked_pause(p);
        if (p->status == 429 && pause == 0)
            pause = NS_PER_S;
        atomic_store_explicit(&c->pause_until_ns, pause > 0 ? time_mono_ns() + pause : 0,
                              memory_order_relaxed);
    }
    if (status_may_pass(p->status) && !x->sent) {
        r = attempts_wait(c, t, asked_pause(p), call->cancel, e);
        if (r == 0)
            return 1;
        if (r == -SHALE_CANCELED)
            return r;
    }
    return answer_error(call, h, p, &x->refusal, e);
}

int call_run(struct remote_client *c, struct remote_host *h, const struct call *call,
             struct arena *a, struct http_response *ret, bool *ret_broken, struct shale_err *e)
{
    struct running x = {.call = call, .refusal = BUF_INIT(ERROR_BODY_MAX)};
    struct attempts own = attempts_for(c, h), *t = call->attempts ? call->attempts : &own;
    struct shale_err why = SHALE_ERR_INIT; /* of attempts that may be mended by the next one */
    int n_logins = 0, r = host_prepare(c, h, &why);

    if (ret_broken)
        *ret_broken = false;
    while (r >= 0) {
        enum http_failure failure = HTTP_FAIL_NONE;
        r = with_scheme(c, h, &x, a, ret, &failure, &why);
        if (r >= 0 && x.good)
            break;
        if (r >= 0) {
            if (ret_broken)
                *ret_broken = x.sent && status_may_pass(ret->status);
            r = after_answer(c, h, &x, t, ret, &n_logins, &why);
        } else {
            if (ret_broken)
                *ret_broken = failure == HTTP_FAIL_BROKEN && (x.begun || x.sent);
            r = after_failure(c, h, &x, t, failure, r, &why);
        }
        if (r == 1)
            r = 0;
    }
    buf_clear(&x.refusal);
    if (r < 0 && e)
        *e = why;
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The way of one request, from libmicrohttpd's callbacks to the handler and back. */
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/server_priv.h"

static const struct {
    const char *name;
    enum http_method method;
} methods[] = {
    {"GET", HTTP_GET},     {"HEAD", HTTP_HEAD},     {"POST", HTTP_POST},       {"PUT", HTTP_PUT},
    {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS},
};

/* ---- begin and end ---- */

/* Bodies that are collected are held in memory, all of them together. */
static void hold(struct req *q, size_t n)
{
    q->held += n;
    atomic_fetch_add(&q->s->n_held, n);
}

static void let_go(struct req *q)
{
    atomic_fetch_sub(&q->s->n_held, q->held);
    q->held = 0;
    buf_clear(&q->q.body);
}

static void req_free(struct req *q)
{
    if (q->q.done)
        q->q.done(&q->q);
    http_response_unref(q->response);
    let_go(q);
    free(q->fill);
    free(q->spare);
    free(q->busy);
    free(q->client_name);
    pthread_mutex_destroy(&q->mutex);
    free(q);
}

/* The request line is there. Returns what the other callbacks get. */
void *req_begin(void *cls, const char *uri, struct MHD_Connection *c)
{
    struct http_server *s = cls;
    size_t n = strlen(uri);
    struct req *q = mem_alloc(sizeof *q + n + 1);

    if (!q)
        return NULL;
    memcpy(q->target, uri, n + 1);
    q->s = s;
    q->c = c;
    q->q.target = q->target;
    q->q.path_bytes = strcspn(q->target, "?");
    pthread_mutex_init(&q->mutex, NULL);
    const union MHD_ConnectionInfo *info =
        s->mhd->get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    q->conn = info ? info->socket_context : NULL;
    if (q->conn)
        conn_set(q->conn, CONN_HEAD);
    return q;
}

static void run_stream(struct work *w);

/* What came before the client went is still given to data(). */
static bool has_rest(const struct req *q)
{
    return q->mode == REQ_STREAM && q->fill && q->fill->n > 0 && !q->ended && !q->failed;
}

void req_completed(void *cls, struct MHD_Connection *c, void **ptr,
                   enum MHD_RequestTerminationCode why)
{
    struct http_server *s = cls;
    struct req *q = *ptr;

    (void)c, (void)why;
    *ptr = NULL;
    if (!q)
        return;
    if (q->conn)
        conn_set(q->conn, CONN_IDLE);
    if (q->handled)
        atomic_fetch_sub(&s->n_active, 1);
    pthread_mutex_lock(&q->mutex);
    q->dead = true;
    bool later = q->working;
    if (!later && has_rest(q)) {
        later = q->working = true;
        q->work.run = run_stream;
        workq_push(s->workq, &q->work);
    }
    pthread_mutex_unlock(&q->mutex);
    if (!later)
        req_free(q);
}

/* ---- answers ---- */

static enum MHD_Result send_response(struct req *q)
{
    if (q->conn) /* whoever reads slowly has libmicrohttpd's clock, which any progress winds up */
        conn_set(q->conn, CONN_RUN);
    enum MHD_Result r = q->s->mhd->queue_response(q->c, q->status, response_raw(q->response));

    http_response_unref(q->response);
    q->response = NULL;
    return r;
}

static void ensure_response(struct req *q)
{
    if (!q->response)
        http_respond(&q->q, 500, NULL);
}

/* Waits for the work thread; the mutex is held. */
static void suspend(struct req *q)
{
    q->suspended = true;
    if (q->conn)
        atomic_store(&q->conn->waits_for_us, true);
    q->s->mhd->suspend_connection(q->c);
}

/* The mutex is held. The connection may be at work again, or gone, when it is released. */
static void resume(struct req *q)
{
    q->suspended = false;
    conn_wait_over(q->conn);
    desk_resume(q->conn->desk, q->c);
}

/* ---- deferred and collected: one function in a work thread ---- */

/* f has returned. 1: there is another to run now; 0: it has decided; -1: it is parked, and from
 * here on another thread may have the request. */
static int after_f(struct req *q)
{
    if (q->response || (q->mode != REQ_DEFERRED && q->mode != REQ_PARKED))
        return 0;
    if (q->mode == REQ_DEFERRED) /* it said http_defer again */
        return 1;
    pthread_mutex_lock(&q->mutex);
    bool go = q->unparked;
    q->unparked = false;
    q->parked = !go;
    if (go)
        q->f = q->next_f;
    pthread_mutex_unlock(&q->mutex);
    return go ? 1 : -1;
}

static void run_once(struct work *w)
{
    struct req *q = (struct req *)((char *)w - offsetof(struct req, work));

    bool deferred = q->mode == REQ_DEFERRED; /* then f may also choose what to do with the body */
    int next;
    q->redecide = deferred;
    do {
        q->mode = deferred ? REQ_NEW : q->mode;
        q->f(&q->q);
        next = deferred ? after_f(q) : 0;
    } while (next > 0);
    if (next < 0)
        return;
    if (!deferred || q->mode == REQ_NEW)
        ensure_response(q);
    if (q->delay_ns > 0 && q->response)
        delay_add(q);
    else
        req_go_on(q);
}

void req_go_on(struct req *q)
{
    pthread_mutex_lock(&q->mutex);
    q->working = false;
    resume(q);
    pthread_mutex_unlock(&q->mutex);
}

static enum MHD_Result push_once(struct req *q)
{
    pthread_mutex_lock(&q->mutex);
    q->working = true;
    q->work.run = run_once;
    suspend(q);
    pthread_mutex_unlock(&q->mutex);
    workq_push(q->s->workq, &q->work);
    return MHD_YES;
}

/* ---- streamed: blocks, filled here and used there ---- */

/* The next block for the work thread, NULL: none now. The mutex is held. */
static struct block *next_block(struct req *q)
{
    struct block *b = q->busy;

    q->busy = NULL;
    if (!b && q->fill && q->fill->n > 0 && (q->suspended || q->ended || q->dead)) {
        b = q->fill;
        q->fill = NULL;
        if (q->suspended && !q->ended && !q->dead)
            resume(q);
    }
    return b;
}

static void run_stream(struct work *w)
{
    struct req *q = (struct req *)((char *)w - offsetof(struct req, work));
    struct block *b;

    pthread_mutex_lock(&q->mutex);
    while ((b = next_block(q))) {
        pthread_mutex_unlock(&q->mutex);
        if (!q->failed && q->data(&q->q, b->p, b->n) < 0)
            q->failed = true;
        pthread_mutex_lock(&q->mutex);
        b->n = 0;
        if (q->spare)
            free(b);
        else
            q->spare = b;
    }
    if (q->ended && !q->dead) {
        pthread_mutex_unlock(&q->mutex);
        q->f(&q->q);
        ensure_response(q);
        pthread_mutex_lock(&q->mutex);
    }
    q->working = false;
    bool dead = q->dead;
    if (q->suspended && !dead)
        resume(q);
    pthread_mutex_unlock(&q->mutex);
    if (dead)
        req_free(q);
}

/* The mutex is held. */
static void push_stream(struct req *q)
{
    if (q->working)
        return;
    q->working = true;
    q->work.run = run_stream;
    workq_push(q->s->workq, &q->work);
}

/* A full block goes to the work thread; false when that has one already. */
static bool hand_over(struct req *q)
{
    if (q->busy || q->working)
        return false;
    q->busy = q->fill;
    q->fill = q->spare;
    q->spare = NULL;
    push_stream(q);
    return true;
}

static enum MHD_Result stream_piece(struct req *q, const char *p, size_t *n)
{
    enum MHD_Result r = MHD_YES;

    pthread_mutex_lock(&q->mutex);
    while (*n > 0) {
        if (q->fill && q->fill->n == HTTP_BLOCK_BYTES && !hand_over(q)) {
            suspend(q);
            break;
        }
        if (!q->fill) {
            q->fill = q->spare ? q->spare : malloc(sizeof *q->fill);
            q->spare = NULL;
            if (!q->fill) {
                r = MHD_NO;
                break;
            }
            q->fill->n = 0;
        }
        size_t room = HTTP_BLOCK_BYTES - q->fill->n, k = *n < room ? *n : room;
        memcpy(q->fill->p + q->fill->n, p, k);
        q->fill->n += k;
        p += k;
        *n -= k;
    }
    if (r == MHD_YES && !q->suspended && q->fill && q->fill->n == HTTP_BLOCK_BYTES)
        (void)hand_over(q);
    pthread_mutex_unlock(&q->mutex);
    return r;
}

/* ---- the body ---- */

static enum MHD_Result discard_piece(struct req *q, size_t *n)
{
    q->discarded += *n;
    *n = 0;
    return q->discarded > HTTP_DRAIN_BYTES ? MHD_NO : MHD_YES;
}

static enum MHD_Result collect_piece(struct req *q, const char *p, size_t n)
{
    if (n > q->q.body.max - q->q.body.n) {
        q->q.body_over = true;
        let_go(q);
        return MHD_YES;
    }
    if (atomic_load(&q->s->n_held) + n > HTTP_HELD_BYTES) {
        struct http_response *r = http_response_copy("", 0);
        http_response_header(r, "Retry-After", "1");
        http_respond(&q->q, 503, r);
        q->mode = REQ_DISCARD;
        let_go(q);
        return MHD_YES;
    }
    hold(q, n);
    buf_add(&q->q.body, p, n);
    return q->q.body.failed ? MHD_NO : MHD_YES;
}

static enum MHD_Result take_piece(struct req *q, const char *p, size_t *n)
{
    size_t had = *n;
    enum MHD_Result r;

    if (q->mode == REQ_STREAM && !q->failed) {
        r = stream_piece(q, p, n);
    } else if (q->mode == REQ_COLLECT && !q->q.body_over) {
        r = collect_piece(q, p, *n);
        *n = 0;
    } else {
        r = discard_piece(q, n);
    }
    q->q.body_bytes += had - *n;
    atomic_fetch_add_explicit(&q->s->n_bytes_in, had - *n, memory_order_relaxed);
    if (q->conn)
        conn_moved(q->conn, had - *n);
    return r;
}

static enum MHD_Result body_complete(struct req *q)
{
    if (q->response)
        return send_response(q);
    if (q->conn)
        conn_set(q->conn, CONN_RUN);
    switch (q->mode) {
    case REQ_COLLECT:
        return push_once(q);
    case REQ_STREAM:
        pthread_mutex_lock(&q->mutex);
        q->ended = true;
        suspend(q);
        push_stream(q);
        pthread_mutex_unlock(&q->mutex);
        return MHD_YES;
    case REQ_NEW:
    case REQ_DEFERRED:
    case REQ_PARKED:
    case REQ_DISCARD:
        break;
    }
    ensure_response(q);
    return send_response(q);
}

/* ---- the head ---- */

static bool expects_continue(const struct req *q)
{
    const char *v = http_req_header(&q->q, "Expect");

    return v && str_ieq(v, "100-continue");
}

/* Handler or deferred function have chosen what is to happen. */
static enum MHD_Result follow(struct req *q)
{
    if (q->mode == REQ_DEFERRED && !q->response)
        return push_once(q);
    if (q->mode == REQ_NEW || q->response) {
        ensure_response(q);
        /* An answer that is given now closes the connection, and a client that is still sending
         * would see that instead of the answer. */
        if (q->q.length != 0 && (expects_continue(q) || (q->q.length > HTTP_REFUSE_BYTES &&
                                                         q->q.length != HTTP_LENGTH_UNKNOWN)))
            return send_response(q);
        q->mode = REQ_DISCARD;
    }
    if (q->conn)
        conn_set(q->conn, CONN_BODY);
    return MHD_YES;
}

/* Answered at once, which ends the connection. */
static enum MHD_Result refuse_unclear(struct req *q)
{
    static const char text[] = "It is not clear where the body of this request ends.\n";
    struct http_response *p = http_response_copy(text, sizeof text - 1);

    http_response_header(p, "Content-Type", "text/plain");
    http_response_header(p, "Connection", "close");
    http_respond(&q->q, 400, p);
    return send_response(q);
}

static void read_head(struct req *q, const char *method)
{
    q->q.method = HTTP_OTHER;
    snprintf(q->verb, sizeof q->verb, "%s", method);
    q->q.verb = q->verb;
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (strcmp(methods[i].name, method) == 0)
            q->q.method = methods[i].method;
    if (q->q.method == HTTP_GET || q->q.method == HTTP_HEAD) {
        const char *any = http_req_header(&q->q, "Content-Length");
        if (!any && !http_req_header(&q->q, "Transfer-Encoding"))
            return;
    }
    const char *length = http_req_header(&q->q, "Content-Length");
    if (http_req_header(&q->q, "Transfer-Encoding"))
        q->q.length = HTTP_LENGTH_UNKNOWN;
    else if (length && !str_to_u64(length, &q->q.length))
        q->q.length = HTTP_LENGTH_UNKNOWN; /* libmicrohttpd has refused what is none */
}

enum MHD_Result req_access(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                           const char *version, const char *data, size_t *n, void **ptr)
{
    struct http_server *s = cls;
    struct req *q = *ptr;

    (void)c, (void)url;
    if (!q)
        return MHD_NO; /* no memory for it */
    if (!q->handled) {
        if (!q->conn)
            return MHD_NO;
        q->handled = true;
        q->q.tls = q->conn->desk->door->tls;
        q->q.protocol = streq(version, "HTTP/1.0") ? "HTTP/1.0" : "HTTP/1.1";
        atomic_fetch_add(&s->n_active, 1);
        atomic_fetch_add_explicit(&s->n_requests, 1, memory_order_relaxed);
        conn_set(q->conn, CONN_RUN);
        read_head(q, method);
        if (!req_ends_are_clear(q))
            return refuse_unclear(q);
        client_look(q);
        s->o.handle(s->o.arg, &q->q);
        return follow(q);
    }
    if (q->redecide) {
        q->redecide = false;
        return follow(q);
    }
    return *n > 0 ? take_piece(q, data, n) : body_complete(q);
}

/* ---- what handlers call ---- */

const char *http_req_header(const struct http_req *q_, const char *name)
{
    const struct req *q = (const struct req *)q_;

    return q->s->mhd->lookup_connection_value(q->c, MHD_HEADER_KIND, name);
}

struct each_header {
    const char *name;
    void (*f)(void *arg, const char *value);
    void *arg;
};

static enum MHD_Result see_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct each_header *h = cls;

    (void)kind;
    if (value && str_ieq(name, h->name))
        h->f(h->arg, value);
    return MHD_YES;
}

void http_req_each_header(const struct http_req *q_, const char *name,
                          void (*f)(void *arg, const char *value), void *arg)
{
    const struct req *q = (const struct req *)q_;
    struct each_header h = {name, f, arg};

    (void)q->s->mhd->get_connection_values(q->c, MHD_HEADER_KIND, see_header, &h);
}

void http_req_peer(const struct http_req *q_, char *ret, size_t n)
{
    const struct req *q = (const struct req *)q_;
    const union MHD_ConnectionInfo *info =
        q->s->mhd->get_connection_info(q->c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    http_address_text(info ? info->client_addr : NULL, ret, n);
}

void http_delay(struct http_req *q_, int64_t ns)
{
    req_of(q_)->delay_ns = ns;
}

void http_defer(struct http_req *q_, void (*f)(struct http_req *q))
{
    struct req *q = req_of(q_);

    q->mode = REQ_DEFERRED;
    q->f = f;
}

void http_park(struct http_req *q_)
{
    req_of(q_)->mode = REQ_PARKED;
}

void http_unpark(struct http_req *q_, void (*f2)(struct http_req *q))
{
    struct req *q = req_of(q_);

    pthread_mutex_lock(&q->mutex);
    bool push = q->parked;
    q->parked = false;
    if (push) {
        q->f = f2;
        q->mode = REQ_DEFERRED;
    } else {
        q->next_f = f2;
        q->unparked = true;
    }
    pthread_mutex_unlock(&q->mutex);
    if (push) /* nobody else has it until then */
        workq_push(q->s->workq, &q->work);
}

void http_wait(struct http_req *q_)
{
    struct req *q = req_of(q_);

    q->s->mhd->suspend_connection(q->c);
}

void http_wake(struct http_req *q_)
{
    struct req *q = req_of(q_);

    desk_resume(q->conn->desk, q->c);
}

void http_collect(struct http_req *q_, size_t max, void (*f)(struct http_req *q))
{
    struct req *q = req_of(q_);

    q->mode = REQ_COLLECT;
    q->f = f;
    buf_init(&q->q.body, max);
}

void http_stream(struct http_req *q_, int (*data)(struct http_req *q, const void *p, size_t n),
                 void (*end)(struct http_req *q))
{
    struct req *q = req_of(q_);

    q->mode = REQ_STREAM;
    q->data = data;
    q->f = end;
}

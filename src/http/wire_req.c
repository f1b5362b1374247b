/* SPDX-License-Identifier: Apache-2.0 */
/* One request: its head, body and answer, in a thread of its own. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "http/wire_priv.h"

#define NEXT_NS        (2 * NS_PER_MS) /* a client that has its next request ready is waited for */
#define WAIT_NS        (-1)            /* a reader who pauses, a pipe that is slow: for ever */
#define LINE_BYTES     1024            /* of a chunk's size, of a trailer */
#define TRAILERS       32
#define CHUNK_FRAME    24           /* around a chunk */
#define SMALL_BYTES    (1u << 20)   /* of a body that nobody read: the connection stays */
#define DRAIN_BYTES    (1ull << 30) /* … and this much is read before it is closed */
#define DRAIN_STALL_NS (5 * NS_PER_S)

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}

static void date_line(char *ret, size_t n)
{
    time_t now = time(NULL);
    struct tm tm;

    ret[0] = 0;
    if (gmtime_r(&now, &tm))
        (void)strftime(ret, n, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
}

/* ---- the body ---- */

static int send_continue(struct wcall *c)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec v = {(void *)(uintptr_t)line, sizeof line - 1};

    int r = 0;

    if (!c->head.expects || c->continued)
        return 0;
    pthread_mutex_lock(&c->mutex);
    if (!c->begun)
        r = wio_send(c->k, &v, 1, WAIT_NS);
    c->continued = true;
    pthread_mutex_unlock(&c->mutex);
    return r;
}

/* A line of the chunk framing, without its end; longer ones are refused. */
static int read_line(struct wcall *c, char ret[LINE_BYTES])
{
    struct wconn *k = c->k;

    for (;;) {
        const char *lf = k->n ? memchr(k->buf, '\n', k->n) : NULL;
        size_t n = lf ? (size_t)(lf - k->buf) : k->n;
        if (n >= LINE_BYTES || (lf && (n == 0 || lf[-1] != '\r')))
            return -1;
        if (lf) {
            memcpy(ret, k->buf, n - 1);
            ret[n - 1] = 0;
            wio_use(k, n + 1);
            return strlen(ret) == n - 1 ? 0 : -1;
        }
        if (wio_fill(k, k->s->o.head_bytes, c->stall_ns) <= 0)
            return -1;
    }
}

static bool parse_chunk_size(const char *s, uint64_t *ret)
{
    uint64_t v = 0;
    size_t n = strspn(s, "0123456789abcdefABCDEF");

    if (n == 0 || n > 15)
        return false;
    for (size_t i = 0; i < n; i++)
        v = v << 4 | (uint64_t)(s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) - 'a' + 10);
    s += n + strspn(s + n, " \t");
    *ret = v;
    return *s == 0 || *s == ';';
}

static int end_chunks(struct wcall *c)
{
    char line[LINE_BYTES];

    for (int i = 0; i < TRAILERS; i++) {
        if (read_line(c, line) < 0)
            return -1;
        if (!*line) {
            c->body_end = true;
            return 0;
        }
    }
    return -1;
}

/* Goes to where there are bytes of a chunk. */
static int next_chunk(struct wcall *c)
{
    char line[LINE_BYTES];

    if (c->chunk_begun && (read_line(c, line) < 0 || *line))
        return -1;
    if (read_line(c, line) < 0 || !parse_chunk_size(line, &c->left))
        return -1;
    c->chunk_begun = true;
    return c->left == 0 ? end_chunks(c) : 0;
}

static ssize_t read_some(struct wcall *c, void *p, size_t n)
{
    struct wconn *k = c->k;
    ssize_t got;

    n = n < c->left ? n : (size_t)c->left;
    if (k->n > 0) {
        n = n < k->n ? n : k->n;
        memcpy(p, k->buf, n);
        wio_use(k, n);
        got = (ssize_t)n;
    } else {
        got = wio_recv(k, p, n, c->stall_ns);
    }
    if (got > 0)
        c->left -= (uint64_t)got;
    return got > 0 ? got : -1;
}

ssize_t wire_read(struct wire_req *q, void *p, size_t n)
{
    struct wcall *c = wcall_of(q);
    bool chunks = c->head.length == WIRE_LENGTH_UNKNOWN;
    ssize_t got = -1;

    if (c->body_end || n == 0)
        return 0;
    if (c->body_bad)
        return -1;
    if (send_continue(c) == 0 && (!chunks || c->left > 0 || next_chunk(c) == 0))
        got = c->body_end ? 0 : read_some(c, p, n);
    if (got < 0)
        c->body_bad = true;
    else if (!chunks && c->left == 0)
        c->body_end = true;
    return got;
}

void wire_hurry(struct wire_req *q, int64_t stall_ns)
{
    wcall_of(q)->stall_ns = stall_ns > 0 ? stall_ns : WAIT_NS;
}

/* ---- the answer ---- */

bool wire_answered(const struct wire_req *q)
{
    return wcall_of(q)->begun;
}

static int send_all(struct wcall *c, const struct iovec *v, int n)
{
    int r = c->broken ? -1 : wio_send(c->k, v, n, WAIT_NS);

    if (r < 0)
        c->broken = true;
    return r;
}

/* Will what is left of the body be read in no time? */
static bool body_is_small(const struct wcall *c)
{
    return c->body_end || (!c->body_bad && c->head.length != WIRE_LENGTH_UNKNOWN &&
                           c->left <= SMALL_BYTES && (!c->head.expects || c->continued));
}

/* length < 0: not known. */
static int send_head(struct wcall *c, int status, const char *headers, int64_t length,
                     const struct iovec *body)
{
    char date[64], size[64] = "", *text = NULL;
    bool none = status == 204 || status == 304;

    pthread_mutex_lock(&c->mutex);
    c->begun = true;
    pthread_mutex_unlock(&c->mutex);
    c->no_body = none || streq(c->head.method, "HEAD");
    c->chunked = length < 0 && c->head.minor == 1 && !none;
    c->keep = c->head.keep && body_is_small(c) && (length >= 0 || c->chunked || none) &&
              !atomic_load(&c->k->s->stopping);
    if (c->chunked)
        snprintf(size, sizeof size, "Transfer-Encoding: chunked\r\n");
    else if (length >= 0 && !none)
        snprintf(size, sizeof size, "Content-Length: %llu\r\n", (unsigned long long)length);
    const char *stay =
        c->keep ? c->head.minor == 0 ? "Connection: keep-alive\r\n" : "" : "Connection: close\r\n";
    date_line(date, sizeof date);
    text = mem_printf("HTTP/1.1 %d %s\r\n%s%s%s%s\r\n", status, reason_of(status), headers, date,
                      size, stay);
    if (!text) {
        c->broken = true;
        return -1;
    }
    struct iovec v[2] = {{text, strlen(text)}, {NULL, 0}};
    if (body && !c->no_body)
        v[1] = *body;
    int r = send_all(c, v, 2);
    free(text);
    return r;
}

int wire_answer(struct wire_req *q, int status, const char *headers, const void *p, size_t n)
{
    struct wcall *c = wcall_of(q);
    struct iovec body = {(void *)(uintptr_t)p, n};

    if (c->begun)
        return -1;
    c->ended = true;
    return send_head(c, status, headers, (int64_t)n, &body);
}

int wire_begin(struct wire_req *q, int status, const char *headers)
{
    struct wcall *c = wcall_of(q);

    return c->begun ? -1 : send_head(c, status, headers, -1, NULL);
}

int wire_write(struct wire_req *q, const void *p, size_t n)
{
    struct wcall *c = wcall_of(q);
    char size[24];

    if (c->broken || !c->begun || c->ended)
        return -1;
    if (n == 0 || c->no_body)
        return 0;
    snprintf(size, sizeof size, "%zx\r\n", n);
    struct iovec v[3] = {{size, strlen(size)}, {(void *)(uintptr_t)p, n}, {(void *)"\r\n", 2}};
    return c->chunked ? send_all(c, v, 3) : send_all(c, &v[1], 1);
}

static int send_late(struct wcall *c, struct buf *late)
{
    ssize_t sent = late->failed ? -1 : late->n ? wio_send_now(c->k, late->p, late->n) : 0;

    if (sent < 0)
        c->broken = true;
    else
        buf_drop(late, (size_t)sent);
    return sent < 0 ? -1 : 0;
}

int wire_write_late(struct wire_req *q, struct buf *late, const void *p, size_t n)
{
    struct wcall *c = wcall_of(q);

    if (c->broken || !c->begun || c->ended || send_late(c, late) < 0)
        return -1;
    if (n == 0 || c->no_body || late->max - late->n < n + CHUNK_FRAME)
        return 0;
    if (c->chunked)
        buf_addf(late, "%zx\r\n", n);
    buf_add(late, p, n);
    if (c->chunked)
        buf_adds(late, "\r\n");
    return send_late(c, late);
}

int wire_write_rest(struct wire_req *q, struct buf *late)
{
    struct wcall *c = wcall_of(q);
    const struct iovec v = {late->p, late->n};
    int r = c->broken ? -1 : late->n ? send_all(c, &v, 1) : 0;

    buf_reset(late);
    return r;
}

void wire_break(struct wire_req *q)
{
    wcall_of(q)->broken = true;
}

static void end_answer(struct wcall *c)
{
    struct iovec v = {(void *)"0\r\n\r\n", 5};

    if (!c->begun)
        c->broken = true;
    if (!c->ended && c->chunked && !c->no_body && !c->broken)
        (void)send_all(c, &v, 1);
    c->ended = true;
}

/* What nobody has read of the body. Whoever is still sending would not see the answer otherwise. */
static void drain(struct wcall *c)
{
    struct wire_server *s = c->k->s;
    uint64_t all = 0;
    char waste[16384];
    ssize_t n = 1;

    if (c->body_end || c->body_bad || (c->head.expects && !c->continued))
        return;
    if (!c->keep && !c->k->tls)
        (void)shutdown(c->k->fd, SHUT_WR);
    c->stall_ns = DRAIN_STALL_NS;
    while (n > 0 && all < DRAIN_BYTES && !atomic_load(&s->stopping)) {
        n = wire_read(&c->q, waste, sizeof waste);
        all += n > 0 ? (uint64_t)n : 0;
    }
}

/* ---- taken over ---- */

/* A body that nobody has read is none of what is carried from here on: clients send one where none
 * is asked for. One whose length is not known has its end here already or has none: such clients
 * leave it open, and wait. */
static int skip_body(struct wcall *c)
{
    static const char no_chunks[] = "0\r\n\r\n";
    const size_t n_end = sizeof no_chunks - 1;
    int64_t end = time_mono_ns() + DRAIN_STALL_NS;
    char waste[4096];

    if (!c->body_end && c->head.length == WIRE_LENGTH_UNKNOWN) {
        if (!c->chunk_begun && c->k->n >= n_end && !memcmp(c->k->buf, no_chunks, n_end))
            wio_use(c->k, n_end);
        return 0;
    }
    if (c->left > SMALL_BYTES)
        return -1;
    while (!c->body_end) {
        c->stall_ns = end - time_mono_ns();
        if (c->stall_ns <= 0 || wire_read(&c->q, waste, sizeof waste) < 0)
            return -1;
    }
    return 0;
}

int wire_take(struct wire_req *q, const char *head, size_t n)
{
    struct wcall *c = wcall_of(q);
    struct wconn *k = c->k;
    struct iovec v = {(void *)(uintptr_t)head, n};
    int fd = k->fd;

    if (c->begun || skip_body(c) < 0)
        return -1;
    c->begun = c->ended = true;
    c->keep = false;
    /* First: a client that has the head may end its side at once, which is no going any more. */
    (void)epoll_ctl(k->s->epoll_fd, EPOLL_CTL_DEL, k->fd, NULL);
    pthread_mutex_lock(&k->s->mutex);
    k->taken = true;
    k->on_gone = NULL;
    pthread_mutex_unlock(&k->s->mutex);
    if (send_all(c, &v, 1) < 0)
        return -1;
    if (k->tls || k->n > 0) { /* what it has sent already must be read first */
        if (wpump_start(k, &c->pump, &fd) < 0) {
            c->broken = true;
            return -1;
        }
    } else {
        int flags = fcntl(k->fd, F_GETFL);
        (void)fcntl(k->fd, F_SETFL, flags & ~O_NONBLOCK);
    }
    pthread_mutex_lock(&k->s->mutex);
    k->taken_fd = c->pump ? fd : -1;
    pthread_mutex_unlock(&k->s->mutex);
    return fd;
}

static void end_taken(struct wcall *c)
{
    struct wconn *k = c->k;

    pthread_mutex_lock(&k->s->mutex);
    int fd = k->taken_fd;
    k->taken_fd = -1;
    pthread_mutex_unlock(&k->s->mutex);
    if (fd >= 0)
        close(fd);
    wpump_end(c->pump);
    if (!k->tls) {
        char waste[4096];
        (void)shutdown(k->fd, SHUT_WR);
        /* Data that nobody reads turns the close into a reset. Not for ever, though. */
        for (int i = 0; i < 256 && recv(k->fd, waste, sizeof waste, MSG_DONTWAIT) > 0; i++)
            ;
    }
}

/* ---- clients that go ---- */

bool wire_gone(const struct wire_req *q)
{
    struct wcall *c = wcall_of(q);
    struct wire_server *s = c->k->s;

    pthread_mutex_lock(&s->mutex);
    bool gone = c->k->gone || atomic_load(&s->stopping);
    pthread_mutex_unlock(&s->mutex);
    return gone || c->broken;
}

void wire_on_gone(struct wire_req *q, void (*f)(void *arg), void *arg)
{
    struct wconn *k = wcall_of(q)->k;

    pthread_mutex_lock(&k->s->mutex);
    k->on_gone = f;
    k->on_gone_arg = arg;
    if (f && (k->gone || atomic_load(&k->s->stopping)))
        f(arg);
    pthread_mutex_unlock(&k->s->mutex);
}

/* ---- one after the other ---- */

void wconn_refuse(struct wconn *k, int status)
{
    char body[512], *text;
    const char *type = k->s->o.refusal ? k->s->o.refusal(status, body, sizeof body) : "text/plain";

    if (!k->s->o.refusal)
        snprintf(body, sizeof body, "%d %s\n", status, reason_of(status));
    text = mem_printf("HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                      "Connection: close\r\n\r\n%s",
                      status, reason_of(status), type, strlen(body), body);
    struct iovec v = {text, text ? strlen(text) : 0};
    if (text)
        (void)wio_send(k, &v, 1, 0);
    free(text);
}

/* true: the connection can have another one. */
static bool serve_one(struct wconn *k, size_t head_n)
{
    _cleanup_free_ char *text = mem_alloc(head_n + 1);
    struct wcall c = {.k = k, .q = {.tls = k->tls != NULL, .peer = k->peer}};

    if (!text)
        return false;
    memcpy(text, k->buf, head_n);
    wio_use(k, head_n);
    int status = wire_head_parse(text, head_n, &c.head);
    if (status != 0) {
        wconn_refuse(k, status);
        return false;
    }
    c.q.head = &c.head;
    c.stall_ns = WAIT_NS;
    pthread_mutex_init(&c.mutex, NULL);
    c.body_end = c.head.length == 0;
    c.left = c.head.length == WIRE_LENGTH_UNKNOWN ? 0 : c.head.length;
    k->s->o.handle(k->s->o.arg, &c.q);
    wire_on_gone(&c.q, NULL, NULL);
    end_answer(&c);
    if (k->taken)
        end_taken(&c);
    else if (!c.broken)
        drain(&c);
    k->cut = c.broken && c.begun && !c.chunked && !k->taken;
    pthread_mutex_destroy(&c.mutex);
    return c.keep && !c.broken && c.body_end;
}

/* A head, from the first byte on. 0: there is none yet; -1: there will be none. */
static ssize_t read_head(struct wconn *k, int64_t first_ns)
{
    struct wire_server *s = k->s;
    int64_t end = time_mono_ns() + s->o.head_ns;
    size_t n;

    while (!(n = k->n ? wire_head_end(k->buf, k->n) : 0)) {
        int64_t left = k->n ? end - time_mono_ns() : first_ns;
        int r = k->n && left <= 0 ? -1 : wio_fill(k, s->o.head_bytes, left);
        if (r < 0 && errno == ENOBUFS && k->n)
            wconn_refuse(k, 431);
        if (r < 0)
            return -1;
        if (r == 0 && k->n == 0)
            return 0;
        if (!k->tls && !wire_head_end(k->buf, k->n))
            return 0; /* the loop can wait for the rest */
    }
    return (ssize_t)n;
}

static bool begin_tls(struct wconn *k)
{
    struct wire_server *s = k->s;

    pthread_mutex_lock(&s->mutex);
    struct wtls_papers *p = wtls_ref(s->papers);
    pthread_mutex_unlock(&s->mutex);
    int r = wtls_accept(k, p, s->o.head_ns);
    wtls_unref(p);
    k->wants_tls = false;
    pthread_mutex_lock(&s->mutex);
    s->n_shaking--;
    pthread_mutex_unlock(&s->mutex);
    return r >= 0;
}

void wire_serve(struct wconn *k)
{
    int64_t first_ns = k->s->o.head_ns;
    bool ok = !k->wants_tls || begin_tls(k);
    ssize_t n = 0;

    while (ok && (n = read_head(k, first_ns)) > 0) {
        ok = serve_one(k, (size_t)n);
        first_ns = NEXT_NS;
    }
    if (ok && n == 0)
        wloop_give_back(k);
    else
        wloop_give_up(k);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/attach_ws.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/attach.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/time.h"
#include "http/websocket.h"

#define STACK_BYTES   (256u << 10)
#define BINARY_SINCE  128 /* of the API; before that, frames were of text */
#define READ_BYTES    8192
#define PIECE_BYTES   (32u << 10)
#define CONTROL_BYTES (WS_HEAD_BYTES + WS_MAX_CONTROL)
#define CLOSE_NS      (2 * NS_PER_S) /* for the client's answer to our close */
#define LAST_NS       (5 * NS_PER_S) /* for what it has sent and nobody has taken, once it has gone */

struct attach_ws {
    int client; /* the connection; not ours */
    int fd;     /* our end of the pair */
    int other;  /* the caller's */
    bool in;
    enum ws_op op;
    atomic_int status; /* of the close that we send */
    pthread_t thread;
    struct ws_in frames;
    uint8_t raw[READ_BYTES], *p; /* what came: p[n] is still to be looked at */
    size_t n;
    const uint8_t *data; /* of the client, on its way to the caller */
    size_t n_data;
    /* Whole frames on their way to the client: one of data, and one control frame behind it. */
    uint8_t out[WS_HEAD_BYTES + PIECE_BYTES + CONTROL_BYTES];
    size_t out_at, n_out;
    bool control;          /* there is one of them */
    bool ended;            /* the caller is through */
    bool closed, answered; /* we have closed; the client has */
    bool gone;             /* it takes nothing any more */
    bool broken;
    int64_t end_ns;  /* until when an answer to our close is waited for; 0: it is not sent yet */
    int64_t last_ns; /* gone: until when the caller may take what is left */
};

/* ---- to the client ---- */

static void put(struct attach_ws *w, const void *p, size_t n)
{
    memcpy(w->out + w->out_at + w->n_out, p, n);
    w->n_out += n;
}

static void flush(struct attach_ws *w)
{
    ssize_t n = send(w->client, w->out + w->out_at, w->n_out, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0) {
        w->broken = errno != EAGAIN && errno != EINTR;
        return;
    }
    w->out_at += (size_t)n;
    w->n_out -= (size_t)n;
    if (w->n_out == 0) {
        w->out_at = 0;
        w->control = false;
    }
}

static void put_control(struct attach_ws *w, enum ws_op op, const void *p, size_t n)
{
    uint8_t head[WS_HEAD_BYTES];

    if (w->closed || w->gone)
        return;
    put(w, head, ws_head(head, op, n));
    put(w, p, n);
    w->control = true;
}

static void put_close(struct attach_ws *w, int status)
{
    uint8_t frame[WS_HEAD_BYTES];

    if (!w->closed && !w->gone) {
        put(w, frame, ws_close(frame, status));
        w->control = true;
    }
    w->closed = true;
}

/* ---- from the client ---- */

/* Until there is something for the caller, or nothing more. */
static void look(struct attach_ws *w)
{
    struct ws_event ev = {.kind = WS_DATA};

    while (!w->n_data && !w->answered && !w->control && ev.kind != WS_MORE) {
        int status = ws_next(&w->frames, &w->p, &w->n, &ev);
        if (status) {
            put_close(w, status);
            w->answered = true;
        } else if (ev.kind == WS_PING) {
            put_control(w, WS_OP_PONG, ev.p, ev.n);
        } else if (ev.kind == WS_CLOSE) {
            put_close(w, ev.status);
            w->answered = true;
        } else if (ev.kind == WS_DATA && w->in && !w->ended) {
            w->data = ev.p;
            w->n_data = ev.n;
        }
    }
}

static void read_client(struct attach_ws *w)
{
    ssize_t n = recv(w->client, w->raw, sizeof w->raw, MSG_DONTWAIT);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        w->broken = true;
    w->p = w->raw;
    w->n = n > 0 ? (size_t)n : 0;
}

/* ---- the caller ---- */

static void pass_data(struct attach_ws *w)
{
    ssize_t n = send(w->fd, w->data, w->n_data, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) /* the caller is through */
        n = (ssize_t)w->n_data;
    w->data += n;
    w->n_data -= (size_t)n;
}

/* Only called while nothing is on its way to the client. The head goes right before what came. */
static void read_caller(struct attach_ws *w)
{
    uint8_t head[WS_HEAD_BYTES];
    ssize_t n = recv(w->fd, w->out + WS_HEAD_BYTES, PIECE_BYTES, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        size_t n_head = ws_head(head, w->op, (size_t)n);
        w->out_at = WS_HEAD_BYTES - n_head;
        w->n_out = n_head + (size_t)n;
        memcpy(w->out + w->out_at, head, n_head);
        return;
    }
    w->ended = true;
    w->n_data = 0;
    put_close(w, atomic_load(&w->status));
}

/* ---- both ---- */

/* Have both sides closed, and is all sent? */
static bool is_over(const struct attach_ws *w)
{
    return w->broken || (w->closed && w->answered && !w->n_out);
}

static int ms_until(int64_t end_ns, int64_t now)
{
    return end_ns > now ? (int)((end_ns - now) / NS_PER_MS) + 1 : 0;
}

/* In ms, -1: for ever. */
static int patience(struct attach_ws *w)
{
    int64_t now = time_mono_ns();

    if (w->gone)
        return ms_until(w->last_ns, now);
    if (!w->closed || w->n_out)
        return -1;
    if (!w->end_ns)
        w->end_ns = now + CLOSE_NS;
    return ms_until(w->end_ns, now);
}

/* What is ready. */
static void serve(struct attach_ws *w, short client, short caller, bool reads, bool takes)
{
    if (!w->gone && client & (POLLHUP | POLLERR)) {
        w->gone = true; /* what it has sent still counts */
        w->last_ns = time_mono_ns() + LAST_NS;
        w->n_out = w->out_at = 0;
        w->control = false;
    }
    if (w->n_out && (client & POLLOUT))
        flush(w);
    if (reads && client)
        read_client(w);
    if (w->n_data && caller)
        pass_data(w);
    if (takes && !w->gone && caller)
        read_caller(w);
}

/* Something moved, or a signal came: 0. Nothing will: -1. */
static int step(struct attach_ws *w)
{
    bool reads = !w->n_data && !w->n && !w->answered && !w->control;
    bool takes = !w->n_out && !w->ended && !w->closed && !w->gone;
    short client = (short)((reads ? POLLIN : 0) | (w->n_out ? POLLOUT : 0));
    short caller = (short)((w->n_data ? POLLOUT : 0) | (takes ? POLLIN : 0));
    struct pollfd p[] = {{w->gone && !reads ? -1 : w->client, client, 0},
                         {caller ? w->fd : -1, caller, 0}};
    int most = patience(w), n = most ? poll(p, 2, most) : 0;

    if (n <= 0)
        return n < 0 && errno == EINTR ? 0 : -1;
    serve(w, p[0].revents, p[1].revents, reads, takes);
    look(w);
    return w->gone && !reads && !w->n_data && !w->n ? -1 : 0;
}

static void *carry(void *arg)
{
    struct attach_ws *w = arg;

    while (!is_over(w) && step(w) == 0)
        ;
    (void)shutdown(w->fd, SHUT_RDWR);
    return NULL;
}

int attach_ws_begin(struct api_req *q, bool in, struct attach_ws **ret, int *ret_fd,
                    struct shale_err *e)
{
    struct attach_ws *w = mem_alloc(sizeof *w);
    int fd[2], r;

    if (!w)
        return err_nomem(e);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
        r = err_sys(e, "socketpair");
        free(w);
        return r;
    }
    *w = (struct attach_ws){.fd = fd[0],
                            .other = fd[1],
                            .in = in,
                            .op = q->version >= BINARY_SINCE ? WS_OP_BINARY : WS_OP_TEXT,
                            .status = WS_NORMAL};
    r = api_websocket(q, &w->client, e);
    if (r >= 0)
        r = thread_start(&w->thread, STACK_BYTES, carry, w, e);
    if (r < 0) {
        close(fd[0]);
        close(fd[1]);
        free(w);
        return r;
    }
    *ret = w;
    *ret_fd = fd[1];
    return 0;
}

void attach_ws_end(struct attach_ws *w, int status)
{
    if (!w)
        return;
    atomic_store(&w->status, status);
    close(w->other);
    pthread_join(w->thread, NULL);
    close(w->fd);
    free(w);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"

#define CHUNK_BYTES  32768
#define PACKET_BYTES 8191 /* what conmon takes at once */
#define SAFE_BYTES   4096 /* a pipe that can be written takes this much without blocking */
#define TICK_MS      200  /* how soon a request to stop is seen */

enum {
    P_OUT,
    P_ERR,
    P_IN,
    P_TO,
    P_CALLER_OUT,
    P_CALLER_ERR,
    P_CHILD,
    P_EVENT,
    P_SIGNAL,
    P_CALLER,
    P_N
};

struct side { /* bytes on their way to the caller */
    int fd;
    char *p; /* a frame's head and CHUNK_BYTES */
    size_t at, n;
    bool broken; /* nobody reads it any more */
};
struct state {
    struct relay *r;
    struct side side[2];
    struct buf input; /* on its way to the process */
    bool child_done, source_done[2], in_done;
};

/* ---- to the caller ---- */

static void side_flush(struct side *s)
{
    ssize_t n;

    if (s->n == 0)
        return;
    n = write(s->fd, s->p + s->at, s->n < SAFE_BYTES ? s->n : SAFE_BYTES);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0) {
        s->broken = errno == EPIPE;
        s->fd = -1;
        s->n = 0;
        return;
    }
    s->at += (size_t)n;
    s->n -= (size_t)n;
}

/* Only called while the side is empty. */
static void side_put(struct state *st, int stream, const char *p, size_t n)
{
    struct side *s = &st->side[stream - 1];

    if (st->r->on_output && !st->r->on_output(st->r->arg, stream, p, n))
        return;
    if (s->fd < 0 || n == 0)
        return;
    s->at = 0;
    s->n = n;
    if (st->r->frames) {
        relay_frame((uint8_t *)s->p, stream, n);
        s->n += RELAY_FRAME_BYTES;
    }
    memcpy(s->p + s->n - n, p, n);
    side_flush(s);
}

/* May what the process writes to this stream be taken? Frames and packets go out one by one. */
static bool has_room(const struct state *st, int i)
{
    return st->side[i].n == 0 && ((!st->r->packets && !st->r->frames) || st->side[1 - i].n == 0);
}

/* ---- from the process ---- */

static void read_packet(struct state *st)
{
    char packet[CHUNK_BYTES];
    ssize_t n = recv(st->r->from[0], packet, sizeof packet, MSG_DONTWAIT);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        st->source_done[0] = true;
        return;
    }
    if (packet[0] == 2 || packet[0] == 3)
        side_put(st, packet[0] - 1, packet + 1, (size_t)n - 1);
}

static void read_source(struct state *st, int i)
{
    char chunk[CHUNK_BYTES];
    ssize_t n;

    if (st->r->packets) {
        read_packet(st);
        return;
    }
    n = read(st->r->from[i], chunk, sizeof chunk);
    if (n < 0 && errno == EINTR)
        return;
    if (n < 0 && errno == EAGAIN) {
        st->source_done[i] = st->child_done;
        return;
    }
    if (n <= 0) /* a terminal whose other side is closed gives EIO */
        st->source_done[i] = true;
    else
        side_put(st, i + 1, chunk, (size_t)n);
}

/* ---- input ---- */

static void end_input(struct state *st)
{
    struct relay *r = st->r;

    st->in_done = true;
    if (r->to < 0 || r->to_stays)
        return;
    if (r->half_close) {
        (void)shutdown(r->to, SHUT_WR);
    } else {
        close(r->to);
        r->to = -1;
    }
}

static void drop_input(struct state *st)
{
    buf_reset(&st->input);
    end_input(st);
}

static void write_input(struct state *st)
{
    struct relay *r = st->r;
    size_t n = st->input.n;
    ssize_t done;

    if (n == 0)
        return;
    if (r->packets)
        done = send(r->to, st->input.p, n < PACKET_BYTES ? n : PACKET_BYTES,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    else
        done = write(r->to, st->input.p, n);
    if (done >= 0)
        buf_drop(&st->input, (size_t)done);
    else if (errno != EINTR && errno != EAGAIN)
        drop_input(st);
    if (st->in_done && st->input.n == 0)
        end_input(st);
}

/* 1: the detach keys were typed. */
static int read_input(struct state *st)
{
    struct relay *r = st->r;
    uint8_t chunk[PACKET_BYTES];
    ssize_t n = read(r->in, chunk, sizeof chunk);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n > 0 && r->keys && keys_feed(r->keys, chunk, (size_t)n, &st->input))
        return 1;
    if (n > 0 && !r->keys)
        buf_add(&st->input, chunk, (size_t)n);
    if (n <= 0) {
        st->in_done = true;
        if (r->keys)
            keys_flush(r->keys, &st->input);
        if (st->input.n == 0)
            end_input(st);
    }
    write_input(st);
    return 0;
}

/* The caller is gone: what it had sent is still meant for the process, as far as that takes it. */
static void take_last_input(struct state *st)
{
    bool left = true;

    while (left && st->r->to >= 0 && !st->in_done) {
        if (st->input.n > 0)
            write_input(st);
        else if (read_input(st) != 0)
            return;
        struct pollfd p = {st->r->in, POLLIN, 0};
        left = st->input.n == 0 && !st->in_done && poll(&p, 1, 0) > 0;
    }
}

/* ---- the loop ---- */

static int connection(const struct relay *r)
{
    return r->out >= 0 ? r->out : r->err >= 0 ? r->err : r->in;
}

static void set_polls(const struct state *st, struct pollfd *p)
{
    const struct relay *r = st->r;

    for (int i = 0; i < P_N; i++)
        p[i] = (struct pollfd){-1, POLLIN, 0};
    for (int i = 0; i < 2; i++) {
        if (!st->source_done[i] && has_room(st, i))
            p[P_OUT + i].fd = r->from[i];
        if (st->side[i].n > 0)
            p[P_CALLER_OUT + i] = (struct pollfd){st->side[i].fd, POLLOUT, 0};
    }
    if (!st->in_done && st->input.n == 0 && r->to >= 0)
        p[P_IN].fd = r->in;
    if (st->input.n > 0)
        p[P_TO] = (struct pollfd){r->to, POLLOUT, 0};
    if (!st->child_done)
        p[P_CHILD].fd = r->child;
    if (!r->frames || (st->side[0].n == 0 && st->side[1].n == 0))
        p[P_EVENT].fd = r->event;
    p[P_SIGNAL].fd = r->signals;
    if (r->hangup)
        p[P_CALLER] = (struct pollfd){connection(r), 0, 0};
}

static void take_signal(struct state *st)
{
    struct signalfd_siginfo info;

    if (read(st->r->signals, &info, sizeof info) == (ssize_t)sizeof info)
        st->r->on_signal(st->r->arg, (int)info.ssi_signo);
}

static bool is_over(const struct state *st)
{
    const struct relay *r = st->r;

    if (st->side[0].n || st->side[1].n)
        return false;
    for (int i = 0; i < 2; i++)
        if (r->from[i] >= 0 && !st->source_done[i])
            return false;
    return r->child < 0 || st->child_done;
}

/* What is ready. 1: detached. */
static int serve(struct state *st, struct pollfd *p)
{
    struct relay *r = st->r;

    if (p[P_CHILD].revents)
        st->child_done = true;
    if (p[P_EVENT].revents)
        r->on_event(r->arg);
    if (p[P_SIGNAL].revents)
        take_signal(st);
    for (int i = 0; i < 2; i++) {
        if (p[P_CALLER_OUT + i].revents)
            side_flush(&st->side[i]);
        /* with the child gone every source is read to its end */
        if ((p[P_OUT + i].revents || (st->child_done && p[P_OUT + i].fd >= 0)) && has_room(st, i))
            read_source(st, i);
    }
    if (p[P_TO].revents)
        write_input(st);
    if (p[P_CALLER].revents & (POLLHUP | POLLERR)) {
        take_last_input(st);
        return 1;
    }
    return p[P_IN].revents ? read_input(st) : 0;
}

/* The caller is gone, the process stays. */
static void drop_caller(struct state *st)
{
    struct relay *r = st->r;

    if (connection(r) >= 0)
        (void)shutdown(connection(r), SHUT_RDWR);
    for (int i = 0; i < 2; i++)
        st->side[i] = (struct side){.fd = -1, .p = st->side[i].p};
    r->in = r->out = r->err = -1;
    r->hangup = false;
    if (!st->in_done)
        drop_input(st);
}

static int pass_break(struct state *st, struct shale_err *e)
{
    struct relay *r = st->r;

    for (int i = 0; i < 2; i++) {
        if (!st->side[i].broken)
            continue;
        if (r->hangup)
            return 1;
        if (!r->pass_break)
            return err_set(e, SHALE_SYSTEM, "nobody reads the output any more");
        st->side[i].broken = false;
        st->source_done[i] = true;
        if (r->from[i] >= 0)
            close(r->from[i]);
        r->from[i] = -1;
    }
    return 0;
}

static int loop(struct state *st, struct shale_err *e)
{
    struct pollfd p[P_N];
    int r;

    while (!is_over(st)) {
        r = cancel_check(st->r->cancel, e);
        if (r < 0) /* what outlives its caller is let alone, not ended */
            return st->r->outlive && !st->r->hangup ? 1 : r;
        set_polls(st, p);
        r = poll(p, P_N, st->child_done && st->side[0].n + st->side[1].n == 0 ? 0 : TICK_MS);
        if (r < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (r < 0)
            continue;
        r = serve(st, p);
        if (r == 0)
            r = pass_break(st, e);
        if (r == 1 && st->r->outlive)
            drop_caller(st);
        else if (r != 0)
            return r;
    }
    return 0;
}

static void set_nonblocking(int fd)
{
    int flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;

    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int relay_run(struct relay *r, struct shale_err *e)
{
    struct state st = {.r = r, .input = BUF_INIT(CHUNK_BYTES)};
    int result;

    st.side[0] = (struct side){r->out, mem_alloc(RELAY_FRAME_BYTES + CHUNK_BYTES), 0, 0, false};
    st.side[1] = (struct side){r->err, mem_alloc(RELAY_FRAME_BYTES + CHUNK_BYTES), 0, 0, false};
    set_nonblocking(r->from[0]);
    set_nonblocking(r->from[1]);
    set_nonblocking(r->to);
    if (r->in < 0)
        st.in_done = true;
    result = st.side[0].p && st.side[1].p ? loop(&st, e) : err_nomem(e);
    free(st.side[0].p);
    free(st.side[1].p);
    buf_clear(&st.input);
    return result;
}

/* ---- signals ---- */

/* All that a process can be sent from outside, but what speaks of this process alone: its children,
 * its pipes, its place in a shell's job control, its own faults. */
static void add_proxied(sigset_t *set)
{
    static const int proxied[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,   SIGUSR1, SIGUSR2, SIGALRM,
                                  SIGCONT, SIGTSTP, SIGIO,   SIGVTALRM, SIGPROF, SIGPWR,  SIGWINCH};

    for (size_t i = 0; i < ARRAY_SIZE(proxied); i++)
        sigaddset(set, proxied[i]);
    for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
        sigaddset(set, sig);
}

int relay_signals_take(struct relay_signals *s, bool proxy, bool winch, struct shale_err *e)
{
    sigset_t take, block;

    sigemptyset(&take);
    if (proxy)
        add_proxied(&take);
    if (winch)
        sigaddset(&take, SIGWINCH);
    block = take;
    sigaddset(&block, SIGPIPE);
    *s = (struct relay_signals){.fd = -1};
    if (pthread_sigmask(SIG_BLOCK, &block, &s->old) != 0)
        return err_set(e, SHALE_SYSTEM, "block signals");
    s->active = true;
    if (!proxy && !winch)
        return 0;
    s->fd = signalfd(-1, &take, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->fd < 0) {
        relay_signals_restore(s);
        return err_sys(e, "signalfd");
    }
    return 0;
}

void relay_signals_restore(struct relay_signals *s)
{
    const struct timespec now = {0, 0};
    sigset_t pipe_only;

    if (!s->active)
        return;
    if (!sigismember(&s->old, SIGPIPE)) {
        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        while (sigtimedwait(&pipe_only, NULL, &now) > 0)
            ;
    }
    if (s->fd >= 0)
        close(s->fd);
    (void)pthread_sigmask(SIG_SETMASK, &s->old, NULL);
    *s = (struct relay_signals){.fd = -1};
}

bool relay_tty_size(int fd, unsigned short *rows, unsigned short *columns)
{
    struct winsize ws;

    if (fd < 0 || ioctl(fd, TIOCGWINSZ, &ws) < 0 || ws.ws_row == 0 || ws.ws_col == 0)
        return false;
    *rows = ws.ws_row;
    *columns = ws.ws_col;
    return true;
}

void relay_write(int fd, const char *p, size_t n)
{
    while (fd >= 0 && n > 0) {
        struct pollfd pfd = {fd, POLLOUT, 0};
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EAGAIN)
            (void)poll(&pfd, 1, TICK_MS);
        else if (done < 0 && errno != EINTR)
            return;
        else if (done > 0) {
            p += done;
            n -= (size_t)done;
        }
    }
}

void relay_frame(uint8_t head[RELAY_FRAME_BYTES], int stream, size_t n)
{
    const uint8_t v[RELAY_FRAME_BYTES] = {
        (uint8_t)stream,   0,         0, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
        (uint8_t)(n >> 8), (uint8_t)n};

    memcpy(head, v, sizeof v);
}

void relay_write_frame(int fd, int stream, const char *p, size_t n)
{
    uint8_t head[RELAY_FRAME_BYTES];

    relay_frame(head, stream, n);
    relay_write(fd, (const char *)head, sizeof head);
    relay_write(fd, p, n);
}

bool relay_hung_up(int fd)
{
    struct pollfd p = {fd, 0, 0};

    return fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

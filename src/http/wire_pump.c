/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that was taken over, and whose bytes are not those on its socket: it is encrypted,
 * or some were read already. A thread carries bytes between it and a socket pair. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/thread.h"
#include "base/time.h"
#include "http/wire_priv.h"

#define PIECE_BYTES (32u << 10)
#define LAST_MS     60000 /* for what is still to be sent when the handler is through */

struct way { /* one direction */
    char p[PIECE_BYTES];
    size_t from, n;     /* what is still to be written: p[from … from + n) */
    bool ended, passed; /* nothing more is read; the other side has been told */
};
struct wpump {
    struct wconn *k;
    int fd; /* our end of the pair */
    pthread_t thread;
    bool closed;        /* by the handler */
    struct way in, out; /* from the client; to it */
};

static ssize_t read_client(struct wconn *k, void *p, size_t n)
{
    if (k->n > 0) {
        n = n < k->n ? n : k->n;
        memcpy(p, k->buf, n);
        wio_use(k, n);
        return (ssize_t)n;
    }
    return k->tls ? wtls_recv(k->tls, p, n) : recv(k->fd, p, n, 0);
}

static ssize_t write_client(struct wconn *k, const void *p, size_t n)
{
    return k->tls ? wtls_send(k->tls, p, n) : send(k->fd, p, n, MSG_NOSIGNAL);
}

static bool is_later(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* false: the other side takes nothing any more. */
static bool write_out(struct way *w, ssize_t n)
{
    if (n < 0)
        return is_later();
    w->from += (size_t)n;
    w->n -= (size_t)n;
    return true;
}

static void read_in(struct way *w, ssize_t n)
{
    if (n == 0 || (n < 0 && !is_later()))
        w->ended = true;
    w->from = 0;
    w->n = n > 0 ? (size_t)n : 0;
}

static void pass_end(struct wpump *u, struct way *w, bool to_client)
{
    if (!w->ended || w->passed || w->n > 0)
        return;
    w->passed = true;
    if (!to_client)
        (void)shutdown(u->fd, SHUT_WR);
    else if (u->k->tls)
        wtls_shut(u->k->tls);
    else
        (void)shutdown(u->k->fd, SHUT_WR);
}

/* false: the handler is through, and the client takes nothing any more. */
static bool wait_for_some(struct wpump *u)
{
    bool ready = (wio_pending(u->k) && u->in.n == 0 && !u->in.ended) ||
                 (u->closed && u->out.n == 0 && !u->out.ended); /* what it wrote is all there */
    short client = (short)((u->in.n == 0 && !u->in.ended ? POLLIN : 0) | (u->out.n ? POLLOUT : 0));
    short pair = (short)((u->out.n == 0 && !u->out.ended ? POLLIN : 0) | (u->in.n ? POLLOUT : 0));
    struct pollfd p[] = {{client ? u->k->fd : -1, client, 0}, {u->closed ? -1 : u->fd, pair, 0}};
    int most = u->closed ? LAST_MS : -1;

    int n = poll(p, 2, ready ? 0 : most);
    u->closed |= (p[1].revents & POLLHUP) != 0;
    return n != 0 || ready;
}

static void *pump_main(void *arg)
{
    struct wpump *u = arg;
    bool ok = true;

    while (ok && !(u->in.passed && u->out.passed)) {
        ok = wait_for_some(u);
        if (u->in.n == 0 && !u->in.ended)
            read_in(&u->in, read_client(u->k, u->in.p, PIECE_BYTES));
        if (u->out.n == 0 && !u->out.ended)
            read_in(&u->out, recv(u->fd, u->out.p, PIECE_BYTES, 0));
        if (u->in.n > 0 &&
            !write_out(&u->in, send(u->fd, u->in.p + u->in.from, u->in.n, MSG_NOSIGNAL))) {
            u->in.n = 0; /* the handler has closed its end */
            u->in.ended = true;
        }
        if (u->out.n > 0 && ok)
            ok = write_out(&u->out, write_client(u->k, u->out.p + u->out.from, u->out.n));
        pass_end(u, &u->in, false);
        pass_end(u, &u->out, true);
        ok = ok && !(u->out.passed && (u->in.ended || u->closed));
    }
    (void)shutdown(u->fd, SHUT_RDWR);
    return NULL;
}

int wpump_start(struct wconn *k, struct wpump **ret, int *ret_fd)
{
    struct wpump *u = mem_alloc(sizeof *u);
    int fd[2];

    if (!u)
        return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
        free(u);
        return -1;
    }
    u->k = k;
    u->fd = fd[0];
    (void)fcntl(u->fd, F_SETFL, O_NONBLOCK);
    if (thread_start(&u->thread, 0, pump_main, u, NULL) < 0) {
        close(fd[0]);
        close(fd[1]);
        free(u);
        return -1;
    }
    *ret = u;
    *ret_fd = fd[1];
    return 0;
}

void wpump_end(struct wpump *u)
{
    if (!u)
        return;
    pthread_join(u->thread, NULL);
    close(u->fd);
    free(u);
}

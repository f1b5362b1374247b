/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes in and out of a connection, with a time limit for each step. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/time.h"
#include "http/wire_priv.h"

#define FIRST_BYTES 2048 /* most heads fit */

/* Waits for something to move. */
static int wait_for(struct wconn *k, short events, int64_t most_ns)
{
    struct pollfd p = {k->fd, events, 0};
    int64_t ms = most_ns < 0 ? -1 : (most_ns + NS_PER_MS - 1) / NS_PER_MS;
    int n;

    do {
        n = poll(&p, 1, ms > INT_MAX ? INT_MAX : (int)ms);
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        errno = ETIMEDOUT;
    return n > 0 ? 0 : -1;
}

/* One thread may read while another one writes, so what TLS waits for is the same as without it
 * (what the library says is of the whole session). */
ssize_t wio_recv(struct wconn *k, void *p, size_t n, int64_t most_ns)
{
    int64_t end = most_ns > 0 ? time_mono_ns() + most_ns : 0;

    for (;;) {
        ssize_t got = k->tls ? wtls_recv(k->tls, p, n) : recv(k->fd, p, n, 0);
        if (got >= 0 || (errno != EAGAIN && errno != EINTR))
            return got;
        if (errno == EINTR)
            continue;
        int64_t left = most_ns > 0 ? end - time_mono_ns() : most_ns;
        if (most_ns >= 0 && left <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        if (wait_for(k, POLLIN, left) < 0)
            return -1;
    }
}

static ssize_t send_some(struct wconn *k, const struct iovec *v, int n)
{
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = (size_t)n};

    return k->tls ? wtls_send(k->tls, v[0].iov_base, v[0].iov_len)
                  : sendmsg(k->fd, &m, MSG_NOSIGNAL);
}

int wio_send(struct wconn *k, const struct iovec *from, int n, int64_t most_ns)
{
    struct iovec v[4];

    memcpy(v, from, (size_t)n * sizeof *v);
    for (int i = 0; i < n;) {
        if (v[i].iov_len == 0) {
            i++;
            continue;
        }
        ssize_t sent = send_some(k, &v[i], n - i);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN)
            return -1;
        if (sent < 0) {
            if (wait_for(k, POLLOUT, most_ns) < 0)
                return -1;
            continue;
        }
        for (size_t k2 = (size_t)sent; k2 > 0;) {
            size_t part = k2 < v[i].iov_len ? k2 : v[i].iov_len;
            v[i].iov_base = (char *)v[i].iov_base + part;
            v[i].iov_len -= part;
            k2 -= part;
            i += v[i].iov_len == 0 && k2 > 0;
        }
    }
    return 0;
}

ssize_t wio_send_now(struct wconn *k, const void *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        const struct iovec v = {(char *)(uintptr_t)p + done, n - done};
        ssize_t sent = send_some(k, &v, 1);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0 && errno != EINTR)
            return -1;
        done += sent > 0 ? (size_t)sent : 0;
    }
    return (ssize_t)done;
}

/* Room for more, but for no more than `max`. */
static int make_room(struct wconn *k, size_t max)
{
    if (k->n < k->cap)
        return 0;
    size_t cap = k->cap ? k->cap * 2 : FIRST_BYTES;
    cap = cap < max ? cap : max;
    if (cap <= k->cap) {
        errno = ENOBUFS;
        return -1;
    }
    char *p = mem_resize(k->buf, cap);
    if (!p)
        return -1;
    k->buf = p;
    k->cap = cap;
    return 0;
}

int wio_fill(struct wconn *k, size_t max, int64_t most_ns)
{
    if (make_room(k, max) < 0)
        return -1;
    ssize_t got = wio_recv(k, k->buf + k->n, k->cap - k->n, most_ns);
    if (got > 0)
        k->n += (size_t)got;
    if (got < 0 && errno == ETIMEDOUT)
        return 0;
    return got > 0 ? 1 : -1;
}

void wio_use(struct wconn *k, size_t n)
{
    k->n -= n;
    if (k->n > 0) {
        memmove(k->buf, k->buf + n, k->n);
        return;
    }
    free(k->buf);
    k->buf = NULL;
    k->cap = 0;
}

bool wio_pending(struct wconn *k)
{
    return k->n > 0 || (k->tls && wtls_pending(k->tls));
}

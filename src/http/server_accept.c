/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that accepts. It looks at the first byte of a connection before libmicrohttpd gets it:
 * who has sent nothing costs a few bytes only, and who speaks TLS where there is none is told so in
 * words that Go's clients understand. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/thread.h"
#include "base/time.h"
#include "http/server_priv.h"

#define TLS_HANDSHAKE 0x16 /* content type of a TLS record */
/* What the kernel keeps of an answer that cannot be sent yet: with its usual megabytes a slow
 * reader looks as if it stood still. */
#define UNSENT_BYTES (256 << 10)
#define TICK_MS      1000
#define MAX_EVENTS   64

static const char answer_tls[] = "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n";
static const char answer_plain[] = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n"
                                   "Connection: close\r\n\r\n"
                                   "Client sent an HTTP request to an HTTPS server.\n";

static const char answer_many[] = "HTTP/1.0 429 Too Many Requests\r\nContent-Type: text/plain\r\n"
                                  "Retry-After: 1\r\nConnection: close\r\n\r\n"
                                  "Too many connections from your address.\n";

/* Reads what is there first: data that nobody reads turns the close into a reset. */
static void refuse(int fd, const char *answer)
{
    char waste[4096];

    while (recv(fd, waste, sizeof waste, MSG_DONTWAIT) > 0)
        ;
    (void)!send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    close(fd);
}

static void read_peer(int fd, struct sockaddr_storage *ret, socklen_t *ret_n)
{
    memset(ret, 0, sizeof *ret);
    *ret_n = sizeof *ret;
    (void)getpeername(fd, (struct sockaddr *)ret, ret_n);
}

/* From here on the connection counts in server_conn.c. */
static void give(struct http_server *s, const struct http_listener *l, int fd,
                 const struct peer_key *k)
{
    struct sockaddr_storage a;
    socklen_t n;

    read_peer(fd, &a, &n);
    desk_give(desk_for(s, l), fd, k, &a, n);
}

/* True when the connection is taken care of, false: nothing has come yet. */
static bool look(struct http_server *s, const struct http_listener *l, int fd,
                 const struct peer_key *k)
{
    unsigned char first;
    ssize_t n = recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    bool wrong = n > 0 && l->tls != (first == TLS_HANDSHAKE);
    if (n <= 0)
        close(fd);
    else if (wrong)
        refuse(fd, l->tls ? answer_plain : answer_tls);
    else
        give(s, l, fd, k);
    if (n <= 0 || wrong)
        peer_leave(s, k);
    return true;
}

/* ---- those that have not said anything ---- */

/* Its memory stays until the events that were fetched are through: one may be its. */
static void forget(struct http_server *s, struct waiting *w)
{
    if (w->fd < 0)
        return;
    w->prev->next = w->next;
    w->next->prev = w->prev;
    s->n_waiting--;
    w->fd = -1;
    w->next = s->gone;
    s->gone = w;
}

static void free_gone(struct http_server *s)
{
    while (s->gone) {
        struct waiting *w = s->gone;
        s->gone = w->next;
        free(w);
    }
}

static void wait_for_byte(struct http_server *s, const struct http_listener *l, int fd,
                          const struct peer_key *k)
{
    struct waiting *w = mem_alloc(sizeof *w);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = w};

    if (!w || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0) {
        free(w);
        close(fd);
        peer_leave(s, k);
        return;
    }
    w->fd = fd;
    w->peer = *k;
    w->l = l;
    w->since = time_mono_ns();
    w->next = &s->waiting;
    w->prev = s->waiting.prev;
    w->prev->next = w->next->prev = w;
    s->n_waiting++;
}

static void first_byte(struct http_server *s, struct waiting *w)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.ptr = w};

    if (w->fd < 0)
        return;
    (void)epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL); /* libmicrohttpd has its own */
    if (look(s, w->l, w->fd, &w->peer)) {
        forget(s, w);
    } else if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) < 0) {
        close(w->fd);
        peer_leave(s, &w->peer);
        forget(s, w);
    }
}

/* The oldest come first. */
static void drop_waiting(struct http_server *s, int64_t before, bool one_more)
{
    while (s->waiting.next != &s->waiting && (s->waiting.next->since < before || one_more)) {
        close(s->waiting.next->fd);
        peer_leave(s, &s->waiting.next->peer);
        forget(s, s->waiting.next);
        one_more = false;
    }
}

/* ---- the loop ---- */

static size_t n_connected(struct http_server *s)
{
    pthread_mutex_lock(&s->mutex);
    size_t n = s->n_conns + s->n_waiting;
    pthread_mutex_unlock(&s->mutex);
    return n;
}

/* One too many: whoever said nothing for longest goes, else who has been idle for longest. */
static void make_room(struct http_server *s)
{
    if (s->n_waiting > 0)
        drop_waiting(s, 0, true);
    else
        conns_reap(s, time_mono_ns(), true);
}

static void accept_some(struct http_server *s, const struct http_listener *l)
{
    int one = 1, unsent = UNSENT_BYTES;
    struct sockaddr_storage a;
    struct peer_key k;
    socklen_t n;

    for (int i = 0; i < MAX_EVENTS; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
                make_room(s);
            return;
        }
        read_peer(fd, &a, &n);
        peer_key_of((struct sockaddr *)&a, &k);
        if (!peer_enter(s, &k)) {
            if (l->tls)
                close(fd);
            else
                refuse(fd, answer_many);
            continue;
        }
        if (n_connected(s) >= s->o.max_connections)
            make_room(s);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
        if (!look(s, l, fd, &k))
            wait_for_byte(s, l, fd, &k);
    }
}

static bool is_listener(const struct http_server *s, const void *ptr)
{
    return (uintptr_t)ptr - (uintptr_t)s->listeners < s->n_listeners * sizeof *s->listeners;
}

static void on_events(struct http_server *s, const struct epoll_event *ev, int n)
{
    for (int i = 0; i < n; i++) {
        if (is_listener(s, ev[i].data.ptr))
            accept_some(s, ev[i].data.ptr);
        else if (ev[i].data.ptr != s)
            first_byte(s, ev[i].data.ptr);
        else
            (void)eventfd_read(s->event_fd, &(eventfd_t){0});
    }
}

static void *acceptor_main(void *arg)
{
    struct http_server *s = arg;
    struct epoll_event ev[MAX_EVENTS];
    int64_t last = time_mono_ns(), wait = TICK_MS * NS_PER_MS;

    while (!atomic_load(&s->stopping)) {
        int n = epoll_wait(s->epoll_fd, ev, MAX_EVENTS, (int)((wait + NS_PER_MS - 1) / NS_PER_MS));
        on_events(s, ev, n);
        int64_t now = time_mono_ns();
        atomic_store(&s->beat, now);
        wait = delays_end(s, now, TICK_MS * NS_PER_MS, false);
        if (now - last >= TICK_MS * NS_PER_MS) {
            last = now;
            drop_waiting(s, now - s->o.idle_ns, false);
            conns_reap(s, now, false);
            doors_sweep(s);
        }
        free_gone(s);
    }
    drop_waiting(s, INT64_MAX, false);
    free_gone(s);
    return NULL;
}

static int watch(struct http_server *s, int fd, void *ptr, struct shale_err *e)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = ptr};

    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? err_sys(e, "epoll_ctl") : 0;
}

int acceptor_start(struct http_server *s, struct shale_err *e)
{
    int r;

    s->waiting.next = s->waiting.prev = &s->waiting;
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->event_fd < 0)
        return err_sys(e, "cannot wait for connections");
    r = watch(s, s->event_fd, s, e);
    for (size_t i = 0; r >= 0 && i < s->n_listeners; i++)
        r = watch(s, s->listeners[i].fd, &s->listeners[i], e);
    atomic_store(&s->beat, time_mono_ns());
    if (r >= 0)
        r = thread_start(&s->acceptor, 0, acceptor_main, s, e);
    s->acceptor_runs = r >= 0;
    return r;
}

void acceptor_stop(struct http_server *s)
{
    if (s->acceptor_runs) {
        atomic_store(&s->stopping, true);
        (void)eventfd_write(s->event_fd, 1); /* nothing that a fault test shall let fail */
        pthread_join(s->acceptor, NULL);
        s->acceptor_runs = false;
    }
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    if (s->event_fd >= 0)
        close(s->event_fd);
    s->epoll_fd = s->event_fd = -1;
}

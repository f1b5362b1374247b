/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that accepts, waits for all connections that have no request, reads heads, and sees
 * when a client goes. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/thread.h"
#include "base/time.h"
#include "http/wire_priv.h"

#define TICK_NS    (1 * NS_PER_S)
#define MAX_EVENTS 64
#define PAUSE_MS   50 /* when there are no descriptors for one more */

void wloop_wake(struct wire_server *s)
{
    (void)eventfd_write(s->event_fd, 1);
}

/* One event, then silence until it is asked for again. */
static int arm(struct wconn *k, uint32_t events, int op)
{
    struct epoll_event ev = {.events = events | EPOLLONESHOT, .data.ptr = k};

    return epoll_ctl(k->s->epoll_fd, op, k->fd, &ev);
}

static void free_conn(struct wconn *k)
{
    wtls_free(k->tls);
    /* Closing is not enough: a child that has not come to its exec has the descriptor, too. */
    (void)epoll_ctl(k->s->epoll_fd, EPOLL_CTL_DEL, k->fd, NULL);
    close(k->fd);
    free(k->buf);
    free(k);
}

/* The mutex is held. */
static void unlink_conn(struct wire_server *s, struct wconn *k)
{
    k->prev->next = k->next;
    k->next->prev = k->prev;
    s->n_conns--;
}

/* Of the loop: nothing else has it. */
static void close_idle(struct wconn *k)
{
    struct wire_server *s = k->s;

    pthread_mutex_lock(&s->mutex);
    unlink_conn(s, k);
    k->state = WCONN_DEAD;
    k->ready = s->dead; /* events of this round may name it */
    s->dead = k;
    pthread_mutex_unlock(&s->mutex);
}

void wloop_give_up(struct wconn *k)
{
    struct wire_server *s = k->s;

    if (k->cut) { /* a reset: an end would make it look whole */
        struct linger hard = {1, 0};
        (void)setsockopt(k->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    } else {
        if (k->tls)
            wtls_shut(k->tls);
        (void)shutdown(k->fd, SHUT_RDWR);
    }
    close_idle(k);
    wloop_wake(s);
}

void wloop_give_back(struct wconn *k)
{
    struct wire_server *s = k->s;

    atomic_store(&k->since, time_mono_ns());
    pthread_mutex_lock(&s->mutex);
    bool bad = k->gone || atomic_load(&s->stopping);
    if (!bad) {
        k->state = WCONN_IDLE;
        bad = arm(k, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD) < 0;
        if (bad)
            k->state = WCONN_RUN;
    }
    pthread_mutex_unlock(&s->mutex);
    if (bad)
        wloop_give_up(k);
}

/* A head is complete (or TLS begins): a thread takes over. */
static void start_request(struct wconn *k)
{
    struct wire_server *s = k->s;

    pthread_mutex_lock(&s->mutex);
    k->state = WCONN_RUN;
    (void)arm(k, EPOLLRDHUP, EPOLL_CTL_MOD);
    wire_push(s, k);
    pthread_mutex_unlock(&s->mutex);
}

static void stay_idle(struct wconn *k)
{
    struct wire_server *s = k->s;

    pthread_mutex_lock(&s->mutex);
    k->state = WCONN_IDLE;
    bool bad = arm(k, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD) < 0;
    pthread_mutex_unlock(&s->mutex);
    if (bad)
        close_idle(k);
}

/* A handshake takes a thread for somebody who has shown nothing yet: never all of them. */
static bool may_shake(struct wire_server *s)
{
    pthread_mutex_lock(&s->mutex);
    bool may = s->n_shaking <= s->o.max_requests / 4;
    s->n_shaking += may;
    pthread_mutex_unlock(&s->mutex);
    return may;
}

static void on_bytes(struct wconn *k)
{
    if (k->wants_tls && !may_shake(k->s)) {
        close_idle(k);
        return;
    }
    if (k->wants_tls || k->tls) {
        start_request(k);
        return;
    }
    bool first = k->n == 0;
    int r = wio_fill(k, k->s->o.head_bytes, 0);
    if (r < 0 && errno == ENOBUFS && k->n > 0)
        wconn_refuse(k, 431);
    if (r < 0) {
        close_idle(k);
        return;
    }
    if (first && r > 0)
        atomic_store(&k->since, time_mono_ns());
    if (k->n > 0 && wire_head_end(k->buf, k->n) > 0)
        start_request(k);
    else
        stay_idle(k);
}

static void on_event(struct wire_server *s, struct wconn *k)
{
    pthread_mutex_lock(&s->mutex);
    bool mine = k->state == WCONN_IDLE;
    if (mine)
        k->state = WCONN_HEAD;
    if (k->state == WCONN_RUN && !k->taken && !k->gone) {
        k->gone = true;
        if (k->on_gone)
            k->on_gone(k->on_gone_arg);
    }
    pthread_mutex_unlock(&s->mutex);
    if (mine)
        on_bytes(k);
}

/* ---- accepting ---- */

static void name_peer(struct wconn *k, int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;

    bool ok = getpeername(fd, (struct sockaddr *)&a, &n) == 0;
    http_address_text(ok ? (struct sockaddr *)&a : NULL, k->peer, sizeof k->peer);
}

/* A client that vanishes without a word (sleep, a router that forgets) is noticed in two minutes.
 */
static void keep_alive(int fd)
{
    static const struct {
        int level, name, value;
    } v[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
             {IPPROTO_TCP, TCP_KEEPIDLE, 60},
             {IPPROTO_TCP, TCP_KEEPINTVL, 15},
             {IPPROTO_TCP, TCP_KEEPCNT, 4}};

    for (size_t i = 0; i < ARRAY_SIZE(v); i++)
        (void)setsockopt(fd, v[i].level, v[i].name, &v[i].value, sizeof v[i].value);
}

static void add_conn(struct wire_server *s, const struct http_listener *l, int fd)
{
    struct wconn *k = mem_alloc(sizeof *k);
    int one = 1;

    if (!k) {
        close(fd);
        return;
    }
    *k = (struct wconn){.s = s, .fd = fd, .taken_fd = -1, .wants_tls = l->tls};
    atomic_init(&k->since, time_mono_ns());
    name_peer(k, fd);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    keep_alive(fd);
    pthread_mutex_lock(&s->mutex);
    k->next = &s->conns;
    k->prev = s->conns.prev;
    k->prev->next = k->next->prev = k;
    s->n_conns++;
    bool bad = arm(k, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD) < 0;
    pthread_mutex_unlock(&s->mutex);
    if (bad)
        close_idle(k);
}

static size_t n_connected(struct wire_server *s)
{
    pthread_mutex_lock(&s->mutex);
    size_t n = s->n_conns;
    pthread_mutex_unlock(&s->mutex);
    return n;
}

/* The connection that has been idle for longest goes. */
static void make_room(struct wire_server *s)
{
    struct wconn *oldest = NULL;

    pthread_mutex_lock(&s->mutex);
    for (struct wconn *k = s->conns.next; k != &s->conns; k = k->next)
        if (k->state == WCONN_IDLE &&
            (!oldest || atomic_load(&k->since) < atomic_load(&oldest->since)))
            oldest = k;
    if (oldest)
        oldest->state = WCONN_HEAD;
    pthread_mutex_unlock(&s->mutex);
    if (oldest)
        close_idle(oldest);
}

static void free_dead(struct wire_server *s)
{
    pthread_mutex_lock(&s->mutex);
    struct wconn *k = s->dead;
    s->dead = NULL;
    pthread_mutex_unlock(&s->mutex);
    while (k) {
        struct wconn *next = k->ready;
        free_conn(k);
        k = next;
    }
}

/* false: there are no descriptors left for another one. */
static bool accept_some(struct wire_server *s, const struct http_listener *l)
{
    for (int i = 0; i < MAX_EVENTS; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
            make_room(s);
            return false;
        }
        if (fd < 0)
            return true;
        if (n_connected(s) >= s->o.max_connections)
            make_room(s);
        if (n_connected(s) >= s->o.max_connections + 16)
            close(fd); /* all have requests */
        else
            add_conn(s, l, fd);
    }
    return true;
}

/* ---- the loop ---- */

/* Closes those whose time is over; with `all` every idle one. */
static void reap(struct wire_server *s, int64_t now, bool all)
{
    struct wconn *over = NULL;

    pthread_mutex_lock(&s->mutex);
    wire_help(s);
    for (struct wconn *k = s->conns.next, *next; k != &s->conns; k = next) {
        next = k->next;
        int64_t most = k->n > 0 ? s->o.head_ns : s->o.idle_ns;
        if (k->state != WCONN_IDLE || (!all && now - atomic_load(&k->since) <= most))
            continue;
        k->state = WCONN_HEAD;
        k->ready = over;
        over = k;
    }
    pthread_mutex_unlock(&s->mutex);
    while (over) {
        struct wconn *k = over;
        over = k->ready;
        close_idle(k);
    }
}

void wloop_drop_idle(struct wire_server *s)
{
    reap(s, 0, true);
    free_dead(s);
}

static bool is_listener(const struct wire_server *s, const void *ptr)
{
    return (uintptr_t)ptr - (uintptr_t)s->listeners < s->n_listeners * sizeof *s->listeners;
}

static void *loop_main(void *arg)
{
    struct wire_server *s = arg;
    struct epoll_event ev[MAX_EVENTS];
    int64_t last = time_mono_ns();
    bool room = true;

    while (!atomic_load(&s->stopping)) {
        pthread_mutex_lock(&s->mutex);
        bool quiet = s->n_conns == 0; /* then there is nothing to look after */
        pthread_mutex_unlock(&s->mutex);
        if (!room)
            (void)usleep(PAUSE_MS * 1000);
        int n = epoll_wait(s->epoll_fd, ev, MAX_EVENTS, quiet ? -1 : (int)(TICK_NS / NS_PER_MS));
        room = true;
        for (int i = 0; i < n; i++) {
            if (is_listener(s, ev[i].data.ptr))
                room = accept_some(s, ev[i].data.ptr) && room;
            else if (ev[i].data.ptr == s)
                (void)eventfd_read(s->event_fd, &(eventfd_t){0});
            else
                on_event(s, ev[i].data.ptr);
        }
        free_dead(s);
        int64_t now = time_mono_ns();
        if (now - last >= TICK_NS) {
            last = now;
            reap(s, now, false);
        }
    }
    return NULL;
}

static int watch(struct wire_server *s, int fd, void *ptr, struct shale_err *e)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = ptr};

    return epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? err_sys(e, "epoll_ctl") : 0;
}

int wloop_start(struct wire_server *s, struct shale_err *e)
{
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->event_fd < 0)
        return err_sys(e, "cannot wait for connections");
    int r = watch(s, s->event_fd, s, e);
    for (size_t i = 0; r >= 0 && i < s->n_listeners; i++)
        r = watch(s, s->listeners[i].fd, &s->listeners[i], e);
    return r < 0 ? r : thread_start(&s->loop, 0, loop_main, s, e);
}

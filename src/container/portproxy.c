/* SPDX-License-Identifier: Apache-2.0 */
#include "container/portproxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "model/ipv4.h"

#define BLOCK_BYTES (32u << 10)
#define ROUNDS_MAX  16 /* of one connection, before others have their turn */
#define EVENTS_MAX  64
#define LOOK_MS     5000 /* how soon it sees that it is not wanted any more */
#define PAUSE_MS    200  /* for what there are no descriptors left */

struct proxy {
    int epoll;
    struct conn *dead; /* freed when no event can speak of them any more */
    bool paused;       /* new connections wait */
};

struct listener {
    struct portproxy_watch watch;
    struct proxy *p;
    struct sockaddr_in to;
    int fd;
};

/* ---- one connection ---- */

struct end {
    int fd;
    bool eof;  /* it sends no more */
    bool shut; /* it is sent no more */
    size_t from, to;
    char block[BLOCK_BYTES]; /* what it sent: from … to is not at the other end yet */
};
struct conn {
    struct portproxy_watch watch;
    struct proxy *p;
    struct conn *next;
    bool is_dead;
    struct end ends[2]; /* the client, the container */
};

static void drop(struct conn *c)
{
    if (c->is_dead)
        return;
    for (int i = 0; i < 2; i++)
        if (c->ends[i].fd >= 0)
            close(c->ends[i].fd);
    c->is_dead = true;
    c->next = c->p->dead;
    c->p->dead = c;
}

/* 1: something went on, 0: not now, -1: this connection is over. */
static int carry(struct end *a, struct end *b)
{
    int moved = 0;

    if (a->from == a->to && !a->eof) {
        ssize_t n = recv(a->fd, a->block, sizeof a->block, 0);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -1;
        a->eof = n == 0;
        a->from = 0;
        a->to = n > 0 ? (size_t)n : 0;
        moved = n >= 0;
    }
    if (a->from < a->to) {
        ssize_t n = send(b->fd, a->block + a->from, a->to - a->from, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -1;
        a->from += n > 0 ? (size_t)n : 0;
        moved |= n > 0;
    }
    if (a->from == a->to && a->eof && !b->shut) {
        if (shutdown(b->fd, SHUT_WR) < 0 && errno == ENOTCONN) /* not connected yet */
            return 0;
        b->shut = true;
        moved = 1;
    }
    return moved;
}

/* Descriptors tell of a change once: what is left after some rounds is asked for anew. */
static void on_conn(struct portproxy_watch *w, uint32_t events)
{
    struct conn *c = (struct conn *)w;
    struct epoll_event again = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = w};
    int there = 1, back = 1;

    if (c->is_dead)
        return;
    for (int i = 0; i < ROUNDS_MAX && (there > 0 || back > 0); i++) {
        there = carry(&c->ends[0], &c->ends[1]);
        back = there < 0 ? -1 : carry(&c->ends[1], &c->ends[0]);
        if (there < 0 || back < 0 || (c->ends[0].shut && c->ends[1].shut)) {
            drop(c);
            return;
        }
    }
    if (there > 0 || back > 0)
        (void)epoll_ctl(c->p->epoll, EPOLL_CTL_MOD, c->ends[0].fd, &again);
}

static int connect_to(const struct sockaddr_in *to)
{
    _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS)
        return -1;
    return TAKE_FD(fd);
}

/* One that waits: false when there is none, or no room for it now. */
static bool accept_one(struct listener *l)
{
    const uint32_t all = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;

    if (fd < 0) {
        l->p->paused |= errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
        return errno == ECONNABORTED || errno == EINTR;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct conn *c = mem_alloc(sizeof *c);
    if (!c) {
        close(fd);
        return true;
    }
    *c = (struct conn){.watch = {on_conn}, .p = l->p};
    c->ends[0].fd = fd;
    c->ends[1].fd = connect_to(&l->to);
    if (c->ends[1].fd < 0 || portproxy_watch(l->p->epoll, fd, all, &c->watch, NULL) < 0 ||
        portproxy_watch(l->p->epoll, c->ends[1].fd, all, &c->watch, NULL) < 0)
        drop(c);
    return true;
}

static void on_listener(struct portproxy_watch *w, uint32_t events)
{
    struct listener *l = (struct listener *)w;

    for (int i = 0; i < ROUNDS_MAX && accept_one(l); i++)
        ;
}

/* ---- the process ---- */

int portproxy_watch(int epoll, int fd, uint32_t events, struct portproxy_watch *w,
                    struct shale_err *e)
{
    struct epoll_event ev = {.events = events, .data.ptr = w};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? err_sys(e, "watch a socket") : 0;
}

static int add(struct proxy *p, const struct shale_carried_port *way, struct listener *l,
               struct portproxy_udp **ret_udp, struct shale_err *e)
{
    int flags = fcntl(way->fd, F_GETFL);

    *ret_udp = NULL;
    if (flags < 0 || fcntl(way->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_sys(e, "port %u of the container", way->port);
    if (streq(way->protocol, "udp"))
        return portproxy_udp_open(p->epoll, way, ret_udp, e);
    *l = (struct listener){.watch = {on_listener},
                           .p = p,
                           .fd = way->fd,
                           .to = {.sin_family = AF_INET, .sin_port = htons(way->port)}};
    if (inet_pton(AF_INET, way->address, &l->to.sin_addr) != 1)
        return err_set(e, SHALE_INVALID, "no address: %.60s", way->address);
    return portproxy_watch(p->epoll, l->fd, EPOLLIN, &l->watch, e);
}

static void bury(struct proxy *p)
{
    while (p->dead) {
        struct conn *c = p->dead;
        p->dead = c->next;
        free(c);
    }
}

static int loop(struct proxy *p, const char *pidfile, struct portproxy_udp **udp, size_t n,
                struct shale_err *e)
{
    int64_t look = time_mono_ns();

    for (;;) {
        struct epoll_event ev[EVENTS_MAX];
        int n_events = epoll_wait(p->epoll, ev, EVENTS_MAX, LOOK_MS);
        if (n_events < 0 && errno != EINTR)
            return err_sys(e, "wait for connections");
        for (int i = 0; i < n_events; i++) {
            struct portproxy_watch *w = ev[i].data.ptr;
            w->on_event(w, ev[i].events);
        }
        bury(p);
        if (p->paused) {
            const struct timespec pause = {.tv_nsec = PAUSE_MS * NS_PER_MS};
            (void)nanosleep(&pause, NULL);
            p->paused = false;
        }
        if (time_mono_ns() - look < LOOK_MS * NS_PER_MS)
            continue;
        look = time_mono_ns();
        for (size_t i = 0; i < n; i++)
            if (udp[i])
                portproxy_udp_tidy(udp[i]);
        if (process_read_pidfile(pidfile) != getpid())
            return 0;
    }
}

int portproxy_run(const char *pidfile, const struct shale_carried_port *v, size_t n,
                  struct shale_err *e)
{
    _cleanup_close_ int epoll = epoll_create1(EPOLL_CLOEXEC);
    _cleanup_free_ struct listener *l = mem_array(n, sizeof *l);
    _cleanup_free_ struct portproxy_udp **udp = mem_array(n, sizeof(void *));
    struct proxy p = {.epoll = epoll};
    struct rlimit files;
    int r = 0;

    if (epoll < 0)
        return err_sys(e, "wait for connections");
    if (!l || !udp)
        return err_nomem(e);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = add(&p, &v[i], &l[i], &udp[i], e);
    return r < 0 ? r : loop(&p, pidfile, udp, n, e);
}

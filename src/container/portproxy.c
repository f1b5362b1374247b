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
#include <unistd.h>

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
#define CONNS_MAX   4096 /* at once; further ones are closed when they come */
#define IDLE_S      60   /* silence after which it is asked whether an end is still there */
#define ASK_S       15
#define ASK_TIMES   4

struct proxy {
    int epoll;
    size_t n_conns;
    char *block;       /* BLOCK_BYTES, for what is on its way */
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
    bool eof;   /* it sends no more */
    bool shut;  /* it is sent no more */
    bool is_up; /* connected */
    char *kept; /* what it sent: from … to is not at the other end yet. NULL: all is */
    size_t from, to;
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
    for (int i = 0; i < 2; i++) {
        if (c->ends[i].fd >= 0)
            close(c->ends[i].fd);
        free(c->ends[i].kept);
    }
    c->p->n_conns--;
    c->is_dead = true;
    c->next = c->p->dead;
    c->p->dead = c;
}

/* How much of it the end takes now, -1: it is gone. */
static ssize_t give(const struct end *to, const char *data, size_t n)
{
    ssize_t k = send(to->fd, data, n, MSG_NOSIGNAL);

    if (k < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    return k;
}

static int carry_new(char *block, struct end *a, const struct end *b)
{
    ssize_t n = recv(a->fd, block, BLOCK_BYTES, 0), k;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    a->eof = n == 0;
    k = n ? give(b, block, (size_t)n) : 0;
    if (k < 0)
        return -1;
    if (k < n) {
        a->from = 0;
        a->to = (size_t)(n - k);
        a->kept = mem_alloc(a->to);
        if (!a->kept)
            return -1;
        memcpy(a->kept, block + k, a->to);
    }
    return 1;
}

static int carry_kept(struct end *a, const struct end *b)
{
    ssize_t n = give(b, a->kept + a->from, a->to - a->from);

    if (n <= 0)
        return (int)n;
    a->from += (size_t)n;
    if (a->from == a->to) {
        free(a->kept);
        a->kept = NULL;
    }
    return 1;
}

/* A socket that is shut before it is connected never will be. */
static bool is_up(struct end *p)
{
    struct sockaddr_storage peer;
    socklen_t n = sizeof peer;

    p->is_up = p->is_up || getpeername(p->fd, (struct sockaddr *)&peer, &n) == 0;
    return p->is_up;
}

/* 1: something went on, 0: not now, -1: this connection is over. */
static int carry(char *block, struct end *a, struct end *b)
{
    int moved = 0;

    if (a->kept)
        moved = carry_kept(a, b);
    else if (!a->eof)
        moved = carry_new(block, a, b);
    if (moved >= 0 && !a->kept && a->eof && !b->shut && is_up(b)) {
        (void)shutdown(b->fd, SHUT_WR); /* fails for one that has ended: reading shows it */
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
        there = carry(c->p->block, &c->ends[0], &c->ends[1]);
        back = there < 0 ? -1 : carry(c->p->block, &c->ends[1], &c->ends[0]);
        if (there < 0 || back < 0 || (c->ends[0].shut && c->ends[1].shut)) {
            drop(c);
            return;
        }
    }
    if (there > 0 || back > 0)
        (void)epoll_ctl(c->p->epoll, EPOLL_CTL_MOD, c->ends[0].fd, &again);
}

/* Without delay, and an end that has gone without a word is noticed. */
static void tune(int fd)
{
    const struct {
        int level, name, value;
    } v[] = {{IPPROTO_TCP, TCP_NODELAY, 1},
             {SOL_SOCKET, SO_KEEPALIVE, 1},
             {IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S},
             {IPPROTO_TCP, TCP_KEEPINTVL, ASK_S},
             {IPPROTO_TCP, TCP_KEEPCNT, ASK_TIMES}};

    for (size_t i = 0; i < ARRAY_SIZE(v); i++)
        (void)setsockopt(fd, v[i].level, v[i].name, &v[i].value, sizeof v[i].value);
}

static int connect_to(const struct sockaddr_in *to)
{
    _cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    tune(fd);
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno != EINPROGRESS)
        return -1;
    return TAKE_FD(fd);
}

/* One that waits: false when there is none, or no room for it now. */
static bool accept_one(struct listener *l)
{
    const uint32_t all = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0) {
        l->p->paused |= errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
        return errno == ECONNABORTED || errno == EINTR;
    }
    tune(fd);
    struct conn *c = l->p->n_conns < CONNS_MAX ? mem_alloc(sizeof *c) : NULL;
    if (!c) {
        close(fd);
        return true;
    }
    *c = (struct conn){.watch = {on_conn}, .p = l->p};
    l->p->n_conns++;
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

/* One that cannot be read says nothing. */
static bool is_wanted(const char *pidfile)
{
    pid_t pid = process_read_pidfile(pidfile);

    return pid ? pid == getpid() : access(pidfile, F_OK) == 0 || errno != ENOENT;
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
        if (!is_wanted(pidfile))
            return 0;
    }
}

int portproxy_run(const char *pidfile, const struct shale_carried_port *v, size_t n,
                  struct shale_err *e)
{
    _cleanup_close_ int epoll = epoll_create1(EPOLL_CLOEXEC);
    _cleanup_free_ struct listener *l = mem_array(n, sizeof *l);
    _cleanup_free_ struct portproxy_udp **udp = mem_array(n, sizeof(void *));
    _cleanup_free_ char *block = mem_alloc(BLOCK_BYTES);
    struct proxy p = {.epoll = epoll, .block = block};
    struct rlimit files;
    int r = 0;

    if (epoll < 0)
        return err_sys(e, "wait for connections");
    if (!l || !udp || !block)
        return err_nomem(e);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = add(&p, &v[i], &l[i], &udp[i], e);
    return r < 0 ? r : loop(&p, pidfile, udp, n, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/time.h"
#include "container/portproxy.h"

#define SENDERS_MAX   1024
#define SILENCE_NS    (90 * NS_PER_S)
#define DATAGRAM_MAX  65536
#define ROUNDS_MAX    64 /* datagrams in a row of one socket */
#define CONTROL_BYTES CMSG_SPACE(sizeof(struct in6_pktinfo))

struct sender {
    struct portproxy_watch watch;
    struct portproxy_udp *u;
    struct sockaddr_in6 from;
    struct in6_pktinfo at; /* the address of this host that it wrote to */
    int fd;                /* -1: a free place */
    int64_t heard_ns;
};
struct portproxy_udp {
    struct portproxy_watch watch;
    int epoll, fd;
    struct sockaddr_in to;
    struct sender *senders[SENDERS_MAX]; /* made when they are first needed, then used again */
    char block[DATAGRAM_MAX];
};

/* ---- to the container ---- */

static void forget(struct sender *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static void on_answer(struct portproxy_watch *w, uint32_t events)
{
    struct sender *s = (struct sender *)w;

    for (int i = 0; i < ROUNDS_MAX && s->fd >= 0; i++) {
        union {
            struct cmsghdr align;
            char bytes[CONTROL_BYTES];
        } control = {.bytes = {0}};
        ssize_t n = recv(s->fd, s->u->block, sizeof s->u->block, 0);
        if (n < 0) /* also: nobody listens there now */
            return;
        struct iovec iov = {s->u->block, (size_t)n};
        struct msghdr m = {.msg_name = &s->from,
                           .msg_namelen = sizeof s->from,
                           .msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof s->at);
        memcpy(CMSG_DATA(c), &s->at, sizeof s->at);
        (void)sendmsg(s->u->fd, &m, MSG_NOSIGNAL);
        s->heard_ns = time_mono_ns();
    }
}

static int open_socket(struct portproxy_udp *u, struct sender *s)
{
    _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&u->to, sizeof u->to) < 0 ||
        portproxy_watch(u->epoll, fd, EPOLLIN, &s->watch, NULL) < 0)
        return -1;
    s->fd = TAKE_FD(fd);
    return 0;
}

/* The place of a sender: its own, a free one, or that of who was silent longest. */
static struct sender *place_of(struct portproxy_udp *u, const struct sockaddr_in6 *from)
{
    size_t best = 0;

    for (size_t i = 0; i < SENDERS_MAX; i++) {
        struct sender *s = u->senders[i], *b = u->senders[best];
        if (!s) {
            if (b && b->fd < 0)
                return b;
            u->senders[i] = mem_alloc(sizeof *s);
            if (u->senders[i])
                *u->senders[i] = (struct sender){.watch = {on_answer}, .u = u, .fd = -1};
            return u->senders[i];
        }
        if (s->fd >= 0 && s->from.sin6_port == from->sin6_port &&
            s->from.sin6_scope_id == from->sin6_scope_id &&
            memcmp(&s->from.sin6_addr, &from->sin6_addr, sizeof from->sin6_addr) == 0)
            return s;
        if (b->fd >= 0 && (s->fd < 0 || s->heard_ns < b->heard_ns))
            best = i;
    }
    forget(u->senders[best]);
    return u->senders[best];
}

static void take_info(struct msghdr *m, struct in6_pktinfo *ret)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
            memcpy(ret, CMSG_DATA(c), sizeof *ret);
}

static void on_datagram(struct portproxy_watch *w, uint32_t events)
{
    struct portproxy_udp *u = (struct portproxy_udp *)w;

    for (int i = 0; i < ROUNDS_MAX; i++) {
        union {
            struct cmsghdr align;
            char bytes[CONTROL_BYTES];
        } control;
        struct sockaddr_in6 from = {.sin6_family = AF_INET6};
        struct in6_pktinfo at = {.ipi6_ifindex = 0};
        struct iovec iov = {u->block, sizeof u->block};
        struct msghdr m = {.msg_name = &from,
                           .msg_namelen = sizeof from,
                           .msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
        ssize_t n = recvmsg(u->fd, &m, 0);
        if (n < 0)
            return;
        take_info(&m, &at);
        struct sender *s = place_of(u, &from);
        if (!s || (s->fd < 0 && open_socket(u, s) < 0)) /* lost, as datagrams may be */
            continue;
        s->from = from;
        s->at = at;
        s->heard_ns = time_mono_ns();
        (void)send(s->fd, u->block, (size_t)n, MSG_NOSIGNAL);
    }
}

/* ---- from outside ---- */

int portproxy_udp_open(int epoll, const struct shale_carried_port *way, struct portproxy_udp **ret,
                       struct shale_err *e)
{
    _cleanup_free_ struct portproxy_udp *u = mem_alloc(sizeof *u);
    int on = 1, r;

    if (!u)
        return err_nomem(e);
    u->watch.on_event = on_datagram;
    u->epoll = epoll;
    u->fd = way->fd;
    u->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(way->port)};
    if (inet_pton(AF_INET, way->address, &u->to.sin_addr) != 1)
        return err_set(e, SHALE_INVALID, "no address: %.60s", way->address);
    (void)setsockopt(u->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    r = portproxy_watch(epoll, u->fd, EPOLLIN, &u->watch, e);
    if (r >= 0)
        *ret = TAKE_PTR(u);
    return r;
}

void portproxy_udp_tidy(struct portproxy_udp *u)
{
    int64_t now = time_mono_ns();

    for (size_t i = 0; i < SENDERS_MAX && u->senders[i]; i++)
        if (u->senders[i]->fd >= 0 && now - u->senders[i]->heard_ns > SILENCE_NS)
            forget(u->senders[i]);
}

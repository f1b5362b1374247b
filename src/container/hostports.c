/* SPDX-License-Identifier: Apache-2.0 */
#include "container/hostports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "container/pasta.h"

#define FREE_TRIES 64

void hostports_close(struct hostports *p)
{
    for (size_t i = 0; i < p->n_fds; i++)
        close(p->fds[i]);
    for (size_t i = 0; i < p->n_carried; i++)
        close(p->carried[i].fd);
    p->n_fds = p->n_carried = 0;
    p->fds[0] = -1;
}

/* ---- one port ---- */

struct wish {
    struct container_host *h;
    struct arena *a;
    const char *container, *network;
    struct hostports *to;
    bool carries; /* there is who carries what comes to IPv6 addresses */
    bool pasta;   /* that is itself: it listens, and on both kinds */
};

static bool is_ipv6(const char *host_ip)
{
    return strchr(host_ip, ':') != NULL;
}

/* As docker's messages have it. */
static const char *shown(const char *host_ip)
{
    return host_ip[0] ? host_ip : "0.0.0.0";
}

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t address_of(const char *host_ip, uint16_t port, union address *ret)
{
    *ret = (union address){.any.sa_family = AF_INET};
    if (is_ipv6(host_ip)) {
        ret->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        (void)inet_pton(AF_INET6, host_ip, &ret->v6.sin6_addr);
        return sizeof ret->v6;
    }
    ret->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    if (host_ip[0])
        (void)inet_pton(AF_INET, host_ip, &ret->v4.sin_addr);
    return sizeof ret->v4;
}

static int bind_socket(const char *protocol, const char *host_ip, uint16_t port)
{
    union address to;
    socklen_t n = address_of(host_ip, port, &to);
    bool tcp = streq(protocol, "tcp");
    _cleanup_close_ int fd =
        socket(to.any.sa_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return -1;
    if (tcp) /* connections that have ended do not count */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_ipv6(host_ip))
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &to.any, n) < 0 || (tcp && listen(fd, is_ipv6(host_ip) ? SOMAXCONN : 1) < 0))
        return -1;
    return TAKE_FD(fd);
}

static uint16_t port_of(int fd)
{
    union address at = {.any.sa_family = AF_UNSPEC};
    socklen_t n = sizeof at;

    if (getsockname(fd, &at.any, &n) < 0)
        return 0;
    return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

/* 1, with the message, when another container has it. */
static int is_held(const struct wish *w, const char *protocol, const char *host_ip, uint16_t host,
                   struct shale_err *e)
{
    const char *holder;
    int r = meta_port_holder(store_meta(w->h->store), protocol, host_ip, host, w->a, &holder, e);

    if (r == 1)
        (void)err_set(e, SHALE_CONFLICT, "Bind for %s:%u failed: port is already allocated",
                      shown(host_ip), host);
    return r;
}

/* One address of a wish, on its way. */
struct place {
    const char *host_ip;
    bool taken; /* it is ours */
    int fd;     /* -1: without a socket */
};

static int add_row(struct wish *w, const struct port_pair *p, struct place *at, uint16_t host,
                   struct shale_err *e)
{
    struct hostports *to = w->to;
    struct meta_port row = {.container = w->container,
                            .network = w->network,
                            .protocol = p->protocol,
                            .host_ip = at->host_ip,
                            .inside = p->inside,
                            .host = host};

    if (at->fd >= 0 && is_ipv6(at->host_ip))
        to->carried[to->n_carried++] =
            (struct hostports_carried){p->protocol, p->inside, TAKE_FD(at->fd)};
    if (at->fd >= 0 && to->n_fds < HOSTPORTS_HELD) {
        to->fds[to->n_fds++] = TAKE_FD(at->fd);
        to->fds[to->n_fds] = -1;
    }
    int r = meta_port_add(store_meta(w->h->store), &row, e);
    if (r >= 0)
        to->v[to->n++] = row;
    return r;
}

static int check_room(const struct wish *w, struct shale_err *e)
{
    if (w->to->n_carried < HOSTPORTS_CARRIED)
        return 0;
    return err_set(e, SHALE_LIMIT,
                   "more than %d ports of IPv6 addresses: -p 0.0.0.0:PORT:PORT has IPv4 only",
                   HOSTPORTS_CARRIED);
}

/* Why there can be no port of that IPv6 address. */
static int check_carried(const struct wish *w, const struct port_pair *p, struct shale_err *e)
{
    if (streq(p->protocol, "sctp"))
        return err_set(e, SHALE_UNSUPPORTED, "ports of sctp cannot be those of IPv6 addresses");
    if (!w->carries)
        return err_set(e, SHALE_UNSUPPORTED,
                       "ports of IPv6 addresses are served by the program shale, which this one "
                       "is not");
    return check_room(w, e);
}

/* *host 0: one that is free, which it is then. 1: it is taken by somebody else. */
static int take_place(const struct wish *w, const struct port_pair *p, struct place *at,
                      uint16_t *host, struct shale_err *e)
{
    int r = *host ? is_held(w, p->protocol, at->host_ip, *host, e) : 0;

    if (r != 0)
        return r;
    if (streq(p->protocol, "sctp")) {
        at->taken = true;
        return *host ? 0
                     : err_set(e, SHALE_UNSUPPORTED,
                               "ports of sctp need a port of the host: -p PORT:%u/sctp", p->inside);
    }
    at->fd = bind_socket(p->protocol, at->host_ip, *host);
    if (at->fd < 0 && errno == EADDRINUSE) {
        (void)err_set(e, SHALE_CONFLICT,
                      "failed to bind host port for %s:%u: address already in use",
                      shown(at->host_ip), *host);
        return 1;
    }
    if (at->fd < 0)
        return err_sys(e, "failed to bind host port for %s:%u", shown(at->host_ip), *host);
    at->taken = true;
    if (*host)
        return 0;
    *host = port_of(at->fd);
    return is_held(w, p->protocol, at->host_ip, *host, e);
}

/* Every IPv6 address, beside every IPv4 address, where that is possible. */
static int take_other(const struct wish *w, const struct port_pair *p, struct place *at,
                      uint16_t *host, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r;

    if (w->pasta || !w->carries || streq(p->protocol, "sctp"))
        return 0;
    r = check_room(w, e);
    if (r < 0)
        return r;
    errno = 0;
    r = take_place(w, p, at, host, &why);

    if (r < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) /* a host without IPv6 */
        return 0;
    if (r != 0 && e)
        *e = why;
    return r;
}

/* host 0: one that is free. 1: this one is taken by another container. */
static int take_one(struct wish *w, const struct port_pair *p, uint16_t host, struct shale_err *e)
{
    struct place at = {.host_ip = p->host_ip, .fd = -1};
    struct place other = {.host_ip = HOSTPORTS_ANY6, .fd = -1};
    int r = is_ipv6(p->host_ip) ? check_carried(w, p, e) : 0;

    if (r >= 0)
        r = take_place(w, p, &at, &host, e);
    if (r == 0 && !p->host_ip[0])
        r = take_other(w, p, &other, &host, e);
    if (r == 0)
        r = add_row(w, p, &at, host, e);
    if (r == 0 && other.taken)
        r = add_row(w, p, &other, host, e);
    if (at.fd >= 0)
        close(at.fd);
    if (other.fd >= 0)
        close(other.fd);
    return r;
}

static int take(struct wish *w, const struct port_pair *p, struct shale_err *e)
{
    int r = 1;

    if (p->first == 0)
        for (int i = 0; r == 1 && i < FREE_TRIES; i++)
            r = take_one(w, p, 0, e);
    else
        for (unsigned port = p->first; r == 1 && port <= p->last; port++)
            r = take_one(w, p, (uint16_t)port, e);
    return r == 1 ? -SHALE_CONFLICT : r;
}

/* ---- all of a container ---- */

/* -P: those that the image or --expose names and that are not published already. */
static int add_exposed(const struct ctr *c, struct arena *a, struct port_list *l,
                       struct shale_err *e)
{
    size_t given = l->n;

    for (size_t i = 0; i < c->conf.exposed_ports.n; i++) {
        struct port_range range;
        bool there = false;
        if (port_expose(c->conf.exposed_ports.v[i], &range, NULL) < 0)
            continue;
        for (size_t k = 0; k < given; k++)
            there =
                there || (l->v[k].inside == range.first && streq(l->v[k].protocol, range.protocol));
        int r = there ? 0 : port_publish(c->conf.exposed_ports.v[i], a, l, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int by_port(const void *a, const void *b)
{
    const struct meta_port *x = a, *y = b;

    if (!streq(x->protocol, y->protocol))
        return strcmp(x->protocol, y->protocol);
    if (!streq(x->host_ip, y->host_ip))
        return strcmp(x->host_ip, y->host_ip);
    return x->inside != y->inside ? (x->inside < y->inside ? -1 : 1)
                                  : (x->host > y->host) - (x->host < y->host);
}

int hostports_take(struct container_host *h, struct arena *a, const struct ctr *c,
                   const char *network, struct hostports *ret, struct shale_err *e)
{
    struct wish w = {.h = h,
                     .a = a,
                     .container = c->row.id,
                     .network = network,
                     .to = ret,
                     .pasta = streq(network, PASTA_MODE)};
    struct port_list all = {.v = NULL};
    int r = 0;

    w.carries = h->ports_command != NULL || w.pasta;
    for (size_t i = 0; i < c->conf.ports.n; i++) {
        struct port_pair *v = arena_grow(a, all.v, all.n, &all.cap, sizeof *v);
        if (!v)
            return err_nomem(e);
        all.v = v;
        all.v[all.n++] = c->conf.ports.v[i];
    }
    if (c->conf.publish_all)
        r = add_exposed(c, a, &all, e);
    ret->v = arena_array(a, 2 * all.n + 1, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < all.n; i++)
        r = take(&w, &all.v[i], e);
    if (ret->n)
        qsort(ret->v, ret->n, sizeof *ret->v, by_port);
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/hostports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/str.h"

#define FREE_TRIES 64

void hostports_close(struct hostports *p)
{
    for (size_t i = 0; i < p->n_fds; i++)
        close(p->fds[i]);
    p->n_fds = 0;
    p->fds[0] = -1;
}

/* ---- one port ---- */

struct wish {
    struct container_host *h;
    struct arena *a;
    const char *container, *network;
    struct hostports *to;
};

static int bind_socket(const char *protocol, const char *host_ip, uint16_t port)
{
    bool tcp = streq(protocol, "tcp");
    _cleanup_close_ int fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;

    if (fd < 0)
        return -1;
    if (host_ip[0])
        (void)inet_pton(AF_INET, host_ip, &to.sin_addr);
    if (tcp) /* connections that have ended do not count */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&to, sizeof to) < 0 || (tcp && listen(fd, 1) < 0))
        return -1;
    return TAKE_FD(fd);
}

static uint16_t port_of(int fd)
{
    struct sockaddr_in at = {.sin_port = 0};
    socklen_t n = sizeof at;

    return getsockname(fd, (struct sockaddr *)&at, &n) == 0 ? ntohs(at.sin_port) : 0;
}

/* 1, with the message, when another container has it. */
static int is_held(const struct wish *w, const struct port_pair *p, uint16_t host,
                   struct shale_err *e)
{
    const char *holder;
    int r =
        meta_port_holder(store_meta(w->h->store), p->protocol, p->host_ip, host, w->a, &holder, e);

    if (r == 1)
        (void)err_set(e, SHALE_CONFLICT, "Bind for %s:%u failed: port is already allocated",
                      p->host_ip[0] ? p->host_ip : "0.0.0.0", host);
    return r;
}

static int add_row(struct wish *w, const struct port_pair *p, uint16_t host, struct shale_err *e)
{
    struct meta_port row = {.container = w->container,
                            .network = w->network,
                            .protocol = p->protocol,
                            .host_ip = p->host_ip,
                            .inside = p->inside,
                            .host = host};
    int r = meta_port_add(store_meta(w->h->store), &row, e);

    if (r >= 0)
        w->to->v[w->to->n++] = row;
    return r;
}

/* host 0: one that is free. 1: this one is taken by another container. */
static int take_one(struct wish *w, const struct port_pair *p, uint16_t host, struct shale_err *e)
{
    _cleanup_close_ int fd = -1;
    int r;

    r = host ? is_held(w, p, host, e) : 0;
    if (r != 0)
        return r;
    if (streq(p->protocol, "sctp"))
        return host ? add_row(w, p, host, e)
                    : err_set(e, SHALE_UNSUPPORTED,
                              "ports of sctp need a port of the host: -p PORT:%u/sctp", p->inside);
    fd = bind_socket(p->protocol, p->host_ip, host);
    if (fd < 0 && errno == EADDRINUSE) {
        (void)err_set(e, SHALE_CONFLICT,
                      "failed to bind host port for %s:%u: address already in use",
                      p->host_ip[0] ? p->host_ip : "0.0.0.0", host);
        return 1;
    }
    if (fd < 0)
        return err_sys(e, "failed to bind host port for %s:%u",
                       p->host_ip[0] ? p->host_ip : "0.0.0.0", host);
    if (!host) {
        host = port_of(fd);
        r = is_held(w, p, host, e);
        if (r != 0)
            return r;
    }
    if (w->to->n_fds < HOSTPORTS_HELD) {
        w->to->fds[w->to->n_fds++] = TAKE_FD(fd);
        w->to->fds[w->to->n_fds] = -1;
    }
    return add_row(w, p, host, e);
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
    struct wish w = {.h = h, .a = a, .container = c->row.id, .network = network, .to = ret};
    struct port_list all = {.v = NULL};
    int r = 0;

    for (size_t i = 0; i < c->conf.ports.n; i++) {
        struct port_pair *v = arena_grow(a, all.v, all.n, &all.cap, sizeof *v);
        if (!v)
            return err_nomem(e);
        all.v = v;
        all.v[all.n++] = c->conf.ports.v[i];
    }
    if (c->conf.publish_all)
        r = add_exposed(c, a, &all, e);
    ret->v = arena_array(a, all.n + 1, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < all.n; i++)
        r = take(&w, &all.v[i], e);
    if (ret->n)
        qsort(ret->v, ret->n, sizeof *ret->v, by_port);
    return r;
}

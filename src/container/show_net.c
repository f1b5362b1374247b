/* SPDX-License-Identifier: Apache-2.0 */
/* Networks and ports of a container, as the public API shows them. */
#include "base/cleanup.h"
#include "base/str.h"
#include "container/endpoint.h"
#include "container/show.h"

static int put_live(const struct endpoint *p, const struct conf_network *asked,
                    const struct meta_endpoint *rows, size_t n_rows, struct arena *a,
                    struct shale_container_network *ret, struct shale_err *e)
{
    char text[IPV4_BYTES], text6[IPV6_BYTES], mac[18];

    if (p->network.ipv6) {
        ret->address6 = arena_strdup(a, ipv6_format(&p->address6, text6));
        ret->gateway6 = arena_strdup(a, ipv6_format(&p->network.gateway6, text6));
        ret->prefix6_bits = p->network.subnet6.bits;
    }
    ret->address = arena_strdup(a, ipv4_format(p->address, text));
    ret->gateway = arena_strdup(a, ipv4_format(p->network.gateway, text));
    ret->mac =
        asked->mac && *asked->mac ? asked->mac : arena_strdup(a, network_mac(p->address, mac));
    ret->prefix_bits = p->network.subnet.bits;
    for (size_t i = 0; i < n_rows; i++)
        if (streq(rows[i].network, p->network.row.id))
            ret->endpoint_id = rows[i].id;
    return ret->address && ret->gateway && ret->mac && ret->address6 && ret->gateway6
               ? 0
               : err_nomem(e);
}

static int put_networks(const struct ctr *c, const struct endpoints *live,
                        const struct meta_endpoint *rows, size_t n_rows, struct arena *a,
                        struct shale_container *ret, struct shale_err *e)
{
    struct shale_container_network *v = arena_array(a, c->conf.n_networks + 1, sizeof *v);

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < c->conf.n_networks; i++) {
        const struct conf_network *n = &c->conf.networks[i];
        v[i] = (struct shale_container_network){.name = n->name,
                                                .id = n->id,
                                                .asked_address = n->address,
                                                .asked_address6 = n->address6,
                                                .aliases = (const char *const *)n->aliases.v,
                                                .n_aliases = n->aliases.n,
                                                .links = (const char *const *)n->links.v,
                                                .n_links = n->links.n,
                                                .endpoint_id = "",
                                                .address = "",
                                                .gateway = "",
                                                .address6 = "",
                                                .gateway6 = "",
                                                .mac = ""};
        for (size_t k = 0; k < live->n; k++)
            if (streq(live->v[k].network.row.id, n->id)) {
                int r = put_live(&live->v[k], n, rows, n_rows, a, &v[i], e);
                if (r < 0)
                    return r;
            }
    }
    ret->networks = v;
    ret->n_networks = c->conf.n_networks;
    return 0;
}

static bool is_published(const struct hostports *p, const struct port_range *port)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].inside == port->first && streq(p->v[i].protocol, port->protocol))
            return true;
    return false;
}

static int by_port(const void *a, const void *b)
{
    const struct shale_container_port *x = a, *y = b;

    if (x->inside != y->inside)
        return x->inside < y->inside ? -1 : 1;
    if (!streq(x->host_ip, y->host_ip))
        return strcmp(x->host_ip, y->host_ip);
    return x->host != y->host ? (x->host < y->host ? -1 : 1) : strcmp(x->protocol, y->protocol);
}

static int put_ports(const struct ctr *c, const struct hostports *p, struct arena *a,
                     struct shale_container *ret, struct shale_err *e)
{
    struct shale_container_port *v = arena_array(a, p->n + c->conf.exposed_ports.n + 1, sizeof *v);
    size_t n = 0;

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < p->n; i++)
        v[n++] = (struct shale_container_port){p->v[i].protocol, p->v[i].inside,
                                               p->v[i].host_ip[0] ? p->v[i].host_ip : "0.0.0.0",
                                               p->v[i].host};
    for (size_t i = 0; i < c->conf.exposed_ports.n; i++) {
        struct port_range port;
        if (port_expose(c->conf.exposed_ports.v[i], &port, NULL) >= 0 && !is_published(p, &port))
            v[n++] = (struct shale_container_port){port.protocol, port.first, "", 0};
    }
    if (n)
        qsort(v, n, sizeof *v, by_port);
    ret->ports = v;
    ret->n_ports = n;
    return 0;
}

int show_networks(struct container_host *h, const struct ctr *c, struct arena *a,
                  struct shale_container *ret, struct shale_err *e)
{
    struct endpoints live = {.netns = NULL};
    struct meta_endpoint *rows = NULL;
    size_t n_rows = 0;
    int r = 0;

    ret->netns_path = "";
    if (!conf_is_bridged(&c->conf))
        return 0;
    bool runs = ctr_need_running(c, NULL) >= 0;
    if (runs) {
        r = endpoints_load(h, a, c, &live, e);
        if (r >= 0)
            r = meta_endpoint_list(store_meta(h->store), c->row.id, NULL, a, &rows, &n_rows, e);
        ret->netns_path = ctr_path(c, a, "netns");
        if (!ret->netns_path)
            return err_nomem(e);
    }
    if (r >= 0)
        r = put_networks(c, &live, rows, n_rows, a, ret, e);
    return r >= 0 && runs ? put_ports(c, &live.ports, a, ret, e) : r;
}

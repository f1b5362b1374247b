/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of the store: rows, the three that are always there, subnets and addresses. */
#include "container/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/str.h"
#include "container/jout.h"

#define CONFIG_MAX_BYTES (1u << 20)
#define ROUTES_MAX_BYTES (4u << 20)
#define LARGE_POOLS      15 /* 172.17.0.0/16 to 172.31.0.0/16 */
#define SMALL_POOLS      16 /* 192.168.0.0/20 … */

/* ---- one row ---- */

struct raw {
    const char *subnet, *range, *gateway, *bridge, *subnet6, *gateway6;
    bool internal, attachable, chosen;
    struct strmap labels, options, aux;
};

#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct raw, field), 0                                                 \
    }
static const struct json_field fields[] = {
    F("Subnet", JB_STR, subnet),          F("IPRange", JB_STR, range),
    F("Gateway", JB_STR, gateway),        F("Bridge", JB_STR, bridge),
    F("Subnet6", JB_STR, subnet6),        F("Gateway6", JB_STR, gateway6),
    F("Chosen", JB_BOOL, chosen),         F("Internal", JB_BOOL, internal),
    F("Attachable", JB_BOOL, attachable), F("Labels", JB_STRMAP, labels),
    F("Options", JB_STRMAP, options),     F("AuxAddress", JB_STRMAP, aux),
};
#undef F

static bool is_builtin(const char *name)
{
    return streq(name, NETWORK_BRIDGE) || streq(name, "host") || streq(name, "none");
}

int network_of_row(const struct meta_network *row, struct arena *a, struct network *ret,
                   struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;
    struct raw raw = {
        .subnet = "", .range = "", .gateway = "", .bridge = "", .subnet6 = "", .gateway6 = ""};
    struct network n = {.row = *row, .macvlan = streq(row->driver, NETWORK_MACVLAN)};
    int r = json_parse(row->config, strlen(row->config), CONFIG_MAX_BYTES, &j, e);

    if (r >= 0)
        r = json_bind(j, fields, ARRAY_SIZE(fields), &raw, a, e);
    if (r < 0)
        return r;
    n.connects = n.macvlan || streq(row->driver, NETWORK_BRIDGE);
    if (n.connects &&
        (!ipv4_net_parse(raw.subnet, &n.subnet) || !ipv4_parse(raw.gateway, &n.gateway)))
        return err_set(e, SHALE_CORRUPT, "row of network %.100s is incomplete", row->name);
    (void)ipv4_net_parse(raw.range, &n.range);
    n.ipv6 = raw.subnet6[0] != 0;
    if (n.ipv6 &&
        (!ipv6_net_parse(raw.subnet6, &n.subnet6) || !ipv6_parse(raw.gateway6, &n.gateway6)))
        return err_set(e, SHALE_CORRUPT, "row of network %.100s is damaged", row->name);
    n.builtin = is_builtin(row->name);
    n.resolves = n.connects && !n.builtin && !n.macvlan;
    n.bridge = raw.bridge;
    n.internal = raw.internal;
    n.attachable = raw.attachable;
    n.chosen = raw.chosen || n.builtin;
    n.labels = raw.labels;
    n.options = raw.options;
    n.aux = raw.aux;
    *ret = n;
    return 0;
}

static json_t *map_json(const struct strmap *map)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = !o;

    for (size_t i = 0; i < map->n; i++)
        jout_str(&bad, o, map->m[i].k, map->m[i].v);
    return bad ? NULL : TAKE_PTR(o);
}

int network_config(const struct network *n, struct arena *a, char **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    char net[IPV4_NET_BYTES], address[IPV4_BYTES], net6[IPV6_NET_BYTES], address6[IPV6_BYTES];
    int bad = 0, r;

    jout_str(&bad, o, "Subnet", ipv4_net_format(&n->subnet, net));
    jout_str(&bad, o, "Gateway", ipv4_format(n->gateway, address));
    jout_str(&bad, o, "IPRange", n->range.bits ? ipv4_net_format(&n->range, net) : "");
    if (n->ipv6) {
        jout_str(&bad, o, "Subnet6", ipv6_net_format(&n->subnet6, net6));
        jout_str(&bad, o, "Gateway6", ipv6_format(&n->gateway6, address6));
    }
    jout_str(&bad, o, "Bridge", n->bridge);
    jout_bool(&bad, o, "Internal", n->internal);
    jout_bool(&bad, o, "Attachable", n->attachable);
    jout_bool(&bad, o, "Chosen", n->chosen);
    jout_put(&bad, o, "Labels", map_json(&n->labels));
    jout_put(&bad, o, "Options", map_json(&n->options));
    jout_put(&bad, o, "AuxAddress", map_json(&n->aux));
    r = jout_check(bad, "network", e);
    if (r >= 0)
        r = jout_text(o, JSON_COMPACT, a, ret, e);
    if (r >= 0 && strlen(*ret) > CONFIG_MAX_BYTES) /* nobody could read it again */
        r = err_set(e, SHALE_LIMIT, "labels and options of a network have more than %u bytes",
                    CONFIG_MAX_BYTES);
    return r;
}

/* ---- the three ---- */

static int add_builtin(struct container_host *h, const char *name, const char *driver,
                       struct arena *a, struct shale_err *e)
{
    char id[META_NETWORK_ID_HEX + 1], subnet[IPV4_NET_BYTES], gateway[IPV4_BYTES];
    struct meta_network row = {.id = id, .name = name, .driver = driver, .config = "{}"};
    struct ipv4_net net;
    int r = random_hex(id, META_NETWORK_ID_HEX / 2, e);

    if (r >= 0 && streq(driver, NETWORK_BRIDGE)) {
        r = network_free_subnet(h, a, &net, e);
        if (r < 0)
            return r;
        row.config =
            arena_printf(a, "{\"Subnet\":\"%s\",\"Gateway\":\"%s\",\"Bridge\":\"br-%.12s\"}",
                         ipv4_net_format(&net, subnet), ipv4_format(net.address + 1, gateway), id);
        if (!row.config)
            return err_nomem(e);
    }
    if (r >= 0)
        r = meta_network_add(store_meta(h->store), &row, e);
    return r == -SHALE_EXISTS ? 0 : r;
}

static int add_builtins(struct container_host *h, struct arena *a, struct shale_err *e)
{
    int r = add_builtin(h, NETWORK_BRIDGE, NETWORK_BRIDGE, a, e);

    if (r >= 0)
        r = add_builtin(h, "host", "host", a, e);
    return r < 0 ? r : add_builtin(h, "none", "null", a, e);
}

int network_rows(struct container_host *h, struct arena *a, struct meta_network **ret,
                 size_t *ret_n, struct shale_err *e)
{
    struct meta *m = store_meta(h->store);
    int r = meta_network_list(m, a, ret, ret_n, e);

    if (r < 0 || *ret_n >= 3)
        return r;
    r = add_builtins(h, a, e);
    if (r == -SHALE_DENIED) /* a store that is only read */
        return 0;
    return r < 0 ? r : meta_network_list(m, a, ret, ret_n, e);
}

int network_find(struct container_host *h, const char *text, struct arena *a, struct network *ret,
                 struct shale_err *e)
{
    struct meta_network row;
    int r = meta_network_find(store_meta(h->store), text, a, &row, e);

    if (r == -SHALE_NOT_FOUND && is_builtin(text)) {
        r = add_builtins(h, a, e);
        if (r >= 0)
            r = meta_network_find(store_meta(h->store), text, a, &row, e);
    }
    return r < 0 ? r : network_of_row(&row, a, ret, e);
}

/* ---- subnets ---- */

bool network_overlaps(const struct meta_network *rows, size_t n, const struct ipv4_net *net,
                      struct arena *a)
{
    for (size_t i = 0; i < n; i++) {
        struct network there;
        if (network_of_row(&rows[i], a, &there, NULL) >= 0 && there.connects &&
            ipv4_net_overlaps(&there.subnet, net))
            return true;
    }
    return false;
}

bool network_overlaps6(const struct meta_network *rows, size_t n, const struct ipv6_net *net,
                       struct arena *a)
{
    for (size_t i = 0; i < n; i++) {
        struct network there;
        if (network_of_row(&rows[i], a, &there, NULL) >= 0 && there.ipv6 &&
            ipv6_net_overlaps(&there.subnet6, net))
            return true;
    }
    return false;
}

/* A line of /proc/net/route: interface, then address and, as the eighth, mask: hexadecimal, in
 * memory order. */
static bool read_route(struct str line, struct ipv4_net *ret, char interface[32])
{
    unsigned address, mask;
    char text[256];

    if (line.n >= sizeof text)
        return false;
    memcpy(text, line.p, line.n);
    text[line.n] = 0;
    if (sscanf(text, "%31s %x %*s %*s %*s %*s %*s %x", interface, &address, &mask) != 3)
        return false;
    *ret = (struct ipv4_net){ntohl(address), (unsigned)__builtin_popcount(mask)};
    return ret->bits > 0;
}

static bool has_route(struct str routes, const struct ipv4_net *net)
{
    char interface[32];
    struct str line;

    while (routes.n > 0 && str_split(&routes, '\n', &line)) {
        struct ipv4_net route;
        if (read_route(line, &route, interface) && ipv4_net_overlaps(&route, net))
            return true;
    }
    return false;
}

/* Is some of the subnet another interface's? Its name. */
static bool is_taken(struct str routes, const struct network *n, char interface[32])
{
    struct str line;

    while (routes.n > 0 && str_split(&routes, '\n', &line)) {
        struct ipv4_net route;
        if (read_route(line, &route, interface) && route.bits >= n->subnet.bits &&
            ipv4_net_has(&n->subnet, route.address) && !streq(interface, n->bridge))
            return true;
    }
    return false;
}

int network_settle(struct container_host *h, struct network *n, struct arena *a,
                   struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf routes = BUF_INIT(ROUTES_MAX_BYTES);
    struct meta_endpoint *v = NULL;
    char interface[32], net[IPV4_NET_BYTES], *text;
    size_t n_members = 0;
    int r;

    if (n->macvlan) /* its subnet is that of an interface of this host */
        return 0;
    (void)fs_read_file(AT_FDCWD, "/proc/net/route", &routes, NULL);
    if (!is_taken((struct str){buf_str(&routes), routes.n}, n, interface))
        return 0;
    r = meta_endpoint_list(store_meta(h->store), NULL, n->row.id, a, &v, &n_members, e);
    if (r < 0)
        return r;
    if (!n->chosen || n_members)
        return err_set(e, SHALE_CONFLICT,
                       "network %.100s: interface %s of this host has addresses of its subnet %s",
                       n->row.name, interface, ipv4_net_format(&n->subnet, net));
    r = network_free_subnet(h, a, &n->subnet, e);
    if (r < 0)
        return r;
    n->gateway = n->subnet.address + 1;
    r = network_config(n, a, &text, e);
    return r < 0 ? r : meta_network_set_config(store_meta(h->store), n->row.id, text, e);
}

static struct ipv4_net pool(unsigned i)
{
    if (i < LARGE_POOLS)
        return (struct ipv4_net){0xac110000 + (i << 16), 16};
    return (struct ipv4_net){0xc0a80000 + ((i - LARGE_POOLS) << 12), 20};
}

int network_free_subnet(struct container_host *h, struct arena *a, struct ipv4_net *ret,
                        struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf routes = BUF_INIT(ROUTES_MAX_BYTES);
    struct meta_network *rows;
    size_t n;
    int r = meta_network_list(store_meta(h->store), a, &rows, &n, e);

    if (r < 0)
        return r;
    (void)fs_read_file(AT_FDCWD, "/proc/net/route", &routes, NULL);
    struct str text = {buf_str(&routes), routes.n};
    for (unsigned i = 0; i < LARGE_POOLS + SMALL_POOLS; i++) {
        struct ipv4_net net = pool(i);
        if (has_route(text, &net) || network_overlaps(rows, n, &net, a))
            continue;
        *ret = net;
        return 0;
    }
    return err_set(e, SHALE_LIMIT, "all predefined address pools have been fully subnetted");
}

/* ---- addresses ---- */

static bool is_aux(const struct network *n, uint32_t address)
{
    for (size_t i = 0; i < n->aux.n; i++) {
        uint32_t a;
        if (ipv4_parse(n->aux.m[i].v, &a) && a == address)
            return true;
    }
    return false;
}

struct ipv6 network_address6(const struct network *n, uint32_t address, const char *asked)
{
    struct ipv6 other;

    if (asked && asked[0] && ipv6_parse(asked, &other))
        return other;
    return ipv6_net_at(&n->subnet6, address - n->subnet.address);
}

/* Is the counterpart of that address one that somebody has asked for? */
static bool is_asked6(const struct network *n, uint32_t address, const struct meta_endpoint *v,
                      size_t n_taken)
{
    struct ipv6 mine;

    if (!n->ipv6)
        return false;
    mine = network_address6(n, address, NULL);
    for (size_t i = 0; i < n_taken; i++) {
        struct ipv6 theirs;
        if (v[i].address6[0] && ipv6_parse(v[i].address6, &theirs) && ipv6_eq(&mine, &theirs))
            return true;
    }
    return false;
}

/* The gateways have it, of either kind. */
static bool is_gateway(const struct network *n, uint32_t address)
{
    struct ipv6 other = n->ipv6 ? network_address6(n, address, NULL) : (struct ipv6){{0}};

    return address == n->gateway || (n->ipv6 && ipv6_eq(&other, &n->gateway6));
}

int network_free_address(struct container_host *h, const struct network *n, struct arena *a,
                         uint32_t *ret, struct shale_err *e)
{
    const struct ipv4_net *from = n->range.bits ? &n->range : &n->subnet;
    uint32_t last = ipv4_net_last(from), at = from->address;
    struct meta_endpoint *v;
    size_t n_taken, i = 0;
    int r = meta_endpoint_list(store_meta(h->store), NULL, n->row.id, a, &v, &n_taken, e);

    if (r < 0)
        return r;
    for (;; at++) { /* both go up */
        while (i < n_taken && v[i].address < at)
            i++;
        if (at != n->subnet.address && at != ipv4_net_last(&n->subnet) && !is_gateway(n, at) &&
            !is_aux(n, at) && (i == n_taken || v[i].address != at) &&
            !is_asked6(n, at, v, n_taken)) {
            *ret = at;
            return 0;
        }
        if (at == last)
            return err_set(e, SHALE_LIMIT,
                           "no available IPv4 addresses on this network's address "
                           "pools: %.100s (%.12s)",
                           n->row.name, n->row.id);
    }
}

int network_check_address(const struct network *n, const char *text, uint32_t *ret,
                          struct shale_err *e)
{
    if (!ipv4_parse(text, ret))
        return err_set(e, SHALE_INVALID, "invalid IPv4 address: %.100s", text);
    if (n->builtin)
        return err_set(e, SHALE_INVALID,
                       "invalid endpoint settings:\nuser-specified IP address is supported only "
                       "when connecting to networks with user configured subnets");
    if (!ipv4_net_has(&n->subnet, *ret))
        return err_set(e, SHALE_INVALID,
                       "invalid config for network %.100s: invalid endpoint settings:\nno "
                       "configured subnet contains IP address %.100s",
                       n->row.name, text);
    if (is_gateway(n, *ret) || *ret == n->subnet.address || *ret == ipv4_net_last(&n->subnet))
        return err_set(e, SHALE_CONFLICT, "Address already in use");
    return 0;
}

int network_check_address6(const struct network *n, const char *text, struct ipv6 *ret,
                           struct shale_err *e)
{
    struct ipv6 first;

    if (!ipv6_parse(text, ret))
        return err_set(e, SHALE_INVALID, "invalid IPv6 address: %.100s", text);
    if (n->builtin)
        return err_set(e, SHALE_INVALID,
                       "invalid endpoint settings:\nuser-specified IP address is supported only "
                       "when connecting to networks with user configured subnets");
    if (!n->ipv6 || !ipv6_net_has(&n->subnet6, ret))
        return err_set(e, SHALE_INVALID,
                       "invalid config for network %.100s: invalid endpoint settings:\nno "
                       "configured subnet contains IP address %.100s",
                       n->row.name, text);
    first = ipv6_net_at(&n->subnet6, 0);
    if (ipv6_eq(ret, &n->gateway6) || ipv6_eq(ret, &first))
        return err_set(e, SHALE_CONFLICT, "Address already in use");
    return 0;
}

int network_claim_address6(struct container_host *h, const struct network *n,
                           const struct ipv6 *address, const char *container, struct arena *a,
                           struct shale_err *e)
{
    struct meta_endpoint *v = NULL;
    size_t n_taken = 0;
    int r = meta_endpoint_list(store_meta(h->store), NULL, n->row.id, a, &v, &n_taken, e);

    for (size_t i = 0; r >= 0 && i < n_taken; i++) {
        struct ipv6 theirs = network_address6(n, v[i].address, v[i].address6);
        if (!streq(v[i].container, container) && ipv6_eq(&theirs, address))
            r = err_set(e, SHALE_EXISTS, "Address already in use");
    }
    return r;
}

char *network_mac(uint32_t address, char ret[18])
{
    (void)snprintf(ret, 18, "02:42:%02x:%02x:%02x:%02x", address >> 24, address >> 16 & 255,
                   address >> 8 & 255, address & 255);
    return ret;
}

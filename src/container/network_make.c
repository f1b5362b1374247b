/* SPDX-License-Identifier: Apache-2.0 */
/* Making and removing networks. */
#include <ctype.h>
#include <net/if.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/time.h"
#include "container/ctr.h"
#include "container/events.h"
#include "container/jout.h"
#include "container/labels.h"
#include "container/network.h"

#define BITS_MAX        30 /* smaller subnets have no room for a gateway and a container */
#define INTERFACE_BYTES 15
#define LIST_MAX        20000 /* labels, or addresses */
#define OPTION_NAME     "com.docker.network.bridge.name"
#define OPTION_MTU      "com.docker.network.driver.mtu"
#define OPTION_PARENT   "parent"
#define OPTION_MODE     "macvlan_mode"

/* ---- making ---- */

struct make {
    struct container_host *h;
    const struct shale_network_create_opts *o;
    struct arena *a;
    char id[META_NETWORK_ID_HEX + 1];
    struct ipv4_net subnet, range;
    uint32_t gateway;
    struct ipv6_net subnet6;
    struct ipv6 gateway6;
    const char *driver, *bridge;
    struct strmap labels, options, aux;
};

static bool is_name(const char *s)
{
    if (!isalnum((unsigned char)s[0]) || strlen(s) > 128)
        return false;
    while (isalnum((unsigned char)*s) || *s == '_' || *s == '.' || *s == '-')
        s++;
    return *s == 0;
}

static int check_name(const struct shale_network_create_opts *o, struct shale_err *e)
{
    const char *name = o->name ? o->name : "", *driver = o->driver ? o->driver : NETWORK_BRIDGE;

    if (!is_name(name))
        return err_set(e, SHALE_INVALID,
                       "invalid network name: %.100s: only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                       name);
    if (streq(name, "bridge") || streq(name, "host") || streq(name, "none") ||
        streq(name, "default") || streq(name, "container"))
        return err_set(e, SHALE_DENIED, "operation is not permitted on predefined %s network",
                       name);
    if (streq(driver, "host") || streq(driver, "null"))
        return err_set(e, SHALE_DENIED, "only one instance of \"%s\" network is allowed", driver);
    if (!streq(driver, NETWORK_BRIDGE) && !streq(driver, NETWORK_MACVLAN))
        return err_set(e, SHALE_UNSUPPORTED,
                       "network driver \"%.60s\" is not supported yet, only \"bridge\" and "
                       "\"macvlan\" are",
                       driver);
    return 0;
}

static int take_map(struct make *m, const char *const *list, struct strmap *ret,
                    struct shale_err *e)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    if (n > LIST_MAX)
        return err_set(e, SHALE_LIMIT, "more than %d values in one list", LIST_MAX);
    ret->m = arena_array(m->a, n + 1, sizeof *ret->m);
    if (!ret->m)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        const char *eq = strchr(list[i], '=');
        char *k = arena_strndup(m->a, list[i], eq ? (size_t)(eq - list[i]) : strlen(list[i]));
        char *v = arena_strdup(m->a, eq ? eq + 1 : "");
        if (!k || !v)
            return err_nomem(e);
        strmap_put(ret, k, v);
    }
    return 0;
}

/* One option of the driver; *ret_name: of the interface. */
static int take_mtu(const char *v, const char **ret_name, struct shale_err *e)
{
    uint64_t mtu;

    if (!str_to_u64(v, &mtu) || mtu < 68 || mtu > 65535)
        return err_set(e, SHALE_INVALID, "invalid MTU: %.60s", v);
    return 0;
}

static int take_name(const char *v, const char **ret_name, struct shale_err *e)
{
    if (!is_name(v) || strlen(v) > INTERFACE_BYTES)
        return err_set(e, SHALE_INVALID, "invalid name of an interface: %.60s", v);
    *ret_name = v;
    return 0;
}

static int take_parent(const char *v, const char **ret_name, struct shale_err *e)
{
    int r = take_name(v, ret_name, e);

    if (r >= 0 && if_nametoindex(v) == 0)
        return err_set(e, SHALE_INVALID, "-o parent interface was not found on the host: %.60s", v);
    return r;
}

static int take_mode(const char *v, const char **ret_name, struct shale_err *e)
{
    if (!streq(v, "bridge") && !streq(v, "private") && !streq(v, "vepa") && !streq(v, "passthru"))
        return err_set(e, SHALE_INVALID, "requested macvlan mode '%.60s' is not valid", v);
    return 0;
}

static const struct driver_option {
    const char *driver, *key;
    int (*take)(const char *v, const char **ret_name, struct shale_err *e);
} driver_options[] = {
    {NETWORK_BRIDGE, OPTION_NAME, take_name},      {NETWORK_BRIDGE, OPTION_MTU, take_mtu},
    {NETWORK_MACVLAN, OPTION_PARENT, take_parent}, {NETWORK_MACVLAN, OPTION_MODE, take_mode},
    {NETWORK_MACVLAN, OPTION_MTU, take_mtu},
};

static int take_option(struct make *m, const char *k, const char *v, struct shale_err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(driver_options); i++)
        if (streq(driver_options[i].driver, m->driver) && streq(driver_options[i].key, k))
            return driver_options[i].take(v, &m->bridge, e);
    return err_set(
        e, SHALE_UNSUPPORTED, "network option \"%.100s\" is not supported yet, only %s are", k,
        streq(m->driver, NETWORK_BRIDGE) ? OPTION_NAME " and " OPTION_MTU
                                         : OPTION_PARENT ", " OPTION_MODE " and " OPTION_MTU);
}

static int take_options(struct make *m, struct shale_err *e)
{
    int r = take_map(m, m->o->options, &m->options, e);

    m->bridge = streq(m->driver, NETWORK_BRIDGE) ? arena_printf(m->a, "br-%.12s", m->id) : "";
    if (!m->bridge)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < m->options.n; i++)
        r = take_option(m, m->options.m[i].k, m->options.m[i].v, e);
    if (r >= 0 && !m->bridge[0])
        r = err_set(e, SHALE_INVALID,
                    "a macvlan network needs the interface of this host that it is on: -o "
                    "parent=INTERFACE");
    return r;
}

static int take_subnet(struct make *m, struct shale_err *e)
{
    const struct shale_network_create_opts *o = m->o;
    struct meta_network *rows;
    size_t n;

    if (!o->subnet || !o->subnet[0]) {
        if ((o->gateway && o->gateway[0]) || (o->ip_range && o->ip_range[0]) || m->aux.n)
            return err_set(e, SHALE_INVALID,
                           "every ip-range or gateway must have a corresponding subnet");
        return network_free_subnet(m->h, m->a, &m->subnet, e);
    }
    if (!ipv4_net_parse(o->subnet, &m->subnet))
        return err_set(e, SHALE_INVALID, "invalid subnet %.100s: invalid CIDR address: %.100s",
                       o->subnet, o->subnet);
    if (m->subnet.bits > BITS_MAX || m->subnet.bits < 8)
        return err_set(e, SHALE_INVALID, "invalid subnet %.100s: it must have 8 to %d bits",
                       o->subnet, BITS_MAX);
    int r = network_rows(m->h, m->a, &rows, &n, e);
    if (r >= 0 && network_overlaps(rows, n, &m->subnet, m->a))
        r = err_set(e, SHALE_DENIED,
                    "invalid pool request: Pool overlaps with other one on this address space");
    return r;
}

static int take_addresses(struct make *m, struct shale_err *e)
{
    const struct shale_network_create_opts *o = m->o;

    m->gateway = m->subnet.address + 1;
    if (o->ip_range && o->ip_range[0] &&
        (!ipv4_net_parse(o->ip_range, &m->range) || m->range.bits < m->subnet.bits ||
         !ipv4_net_has(&m->subnet, m->range.address)))
        return err_set(e, SHALE_INVALID, "no matching subnet for range %.100s", o->ip_range);
    if (o->gateway && o->gateway[0] &&
        (!ipv4_parse(o->gateway, &m->gateway) || !ipv4_net_has(&m->subnet, m->gateway)))
        return err_set(e, SHALE_INVALID, "no matching subnet for gateway %.100s", o->gateway);
    for (size_t i = 0; i < m->aux.n; i++) {
        uint32_t address;
        if (!ipv4_parse(m->aux.m[i].v, &address) || !ipv4_net_has(&m->subnet, address))
            return err_set(e, SHALE_INVALID, "no matching subnet for aux-address %.100s",
                           m->aux.m[i].v);
    }
    return 0;
}

/* RFC 4193: fd, and 40 bits that nobody else is likely to have. */
static struct ipv6_net own_subnet6(const struct make *m)
{
    struct ipv6_net net = {.address = {{0xfd}}, .bits = 64};

    for (size_t i = 0; i < 5; i++) {
        unsigned byte = 0;
        (void)sscanf(m->id + 2 * i, "%2x", &byte);
        net.address.b[1 + i] = (uint8_t)byte;
    }
    return net;
}

/* Each address of the one subnet has a counterpart in the other. */
static int take_subnet6(struct make *m, struct shale_err *e)
{
    const struct shale_network_create_opts *o = m->o;
    unsigned most = 128 - (32 - m->subnet.bits);
    struct meta_network *rows;
    size_t n;

    if (!o->subnet6 || !o->subnet6[0]) {
        if (o->gateway6 && o->gateway6[0])
            return err_set(e, SHALE_INVALID,
                           "every ip-range or gateway must have a corresponding subnet");
        m->subnet6 = own_subnet6(m);
        return 0;
    }
    if (!ipv6_net_parse(o->subnet6, &m->subnet6))
        return err_set(e, SHALE_INVALID, "invalid subnet %.100s: invalid CIDR address: %.100s",
                       o->subnet6, o->subnet6);
    if (m->subnet6.bits > most || m->subnet6.bits < 8)
        return err_set(e, SHALE_INVALID,
                       "invalid subnet %.100s: it must have 8 to %u bits, to be no smaller than "
                       "the IPv4 subnet",
                       o->subnet6, most);
    int r = network_rows(m->h, m->a, &rows, &n, e);
    if (r >= 0 && network_overlaps6(rows, n, &m->subnet6, m->a))
        r = err_set(e, SHALE_DENIED,
                    "invalid pool request: Pool overlaps with other one on this address space");
    return r;
}

static int take_ipv6(struct make *m, struct shale_err *e)
{
    const struct shale_network_create_opts *o = m->o;
    const char *given = o->subnet6 && o->subnet6[0] ? o->subnet6 : o->gateway6;

    if (!o->ipv6)
        return given && given[0]
                   ? err_set(e, SHALE_INVALID, "%.100s: IPv6 addresses need --ipv6", given)
                   : 0;
    int r = take_subnet6(m, e);
    if (r < 0)
        return r;
    m->gateway6 = ipv6_net_at(&m->subnet6, 1);
    if (o->gateway6 && o->gateway6[0] &&
        (!ipv6_parse(o->gateway6, &m->gateway6) || !ipv6_net_has(&m->subnet6, &m->gateway6)))
        return err_set(e, SHALE_INVALID, "no matching subnet for gateway %.100s", o->gateway6);
    return 0;
}

static int config_text(struct make *m, char **ret, struct shale_err *e)
{
    const struct network n = {.subnet = m->subnet,
                              .range = m->range,
                              .gateway = m->gateway,
                              .ipv6 = m->o->ipv6,
                              .subnet6 = m->subnet6,
                              .gateway6 = m->gateway6,
                              .bridge = m->bridge,
                              .internal = m->o->internal,
                              .attachable = m->o->attachable,
                              .chosen = !m->o->subnet || !m->o->subnet[0],
                              .labels = m->labels,
                              .options = m->options,
                              .aux = m->aux};

    return network_config(&n, m->a, ret, e);
}

static int make(struct make *m, struct shale_err *e)
{
    struct meta_network row = {.id = m->id, .name = m->o->name, .driver = m->driver};
    struct meta_network there;
    char *config = NULL;
    int r = random_hex(m->id, META_NETWORK_ID_HEX / 2, e);

    if (r >= 0 && meta_network_find(store_meta(m->h->store), row.name, m->a, &there, NULL) >= 0 &&
        streq(there.name, row.name))
        return err_set(e, SHALE_CONFLICT, "network with name %.128s already exists", row.name);
    if (r >= 0)
        r = take_map(m, m->o->labels, &m->labels, e);
    if (r >= 0)
        r = take_map(m, m->o->aux, &m->aux, e);
    if (r >= 0)
        r = take_options(m, e);
    if (r >= 0)
        r = take_subnet(m, e);
    if (r >= 0)
        r = take_addresses(m, e);
    if (r >= 0)
        r = take_ipv6(m, e);
    if (r >= 0)
        r = config_text(m, &config, e);
    row.config = config;
    return r < 0 ? r : meta_network_add(store_meta(m->h->store), &row, e);
}

int network_create(struct container_host *h, const struct shale_network_create_opts *o,
                   struct arena *a, struct shale_network *ret, struct shale_err *e)
{
    struct make m = {.h = h, .o = o, .a = a, .driver = o->driver ? o->driver : NETWORK_BRIDGE};
    struct meta_network *rows;
    size_t n;
    int r = check_name(o, e);

    if (r >= 0)
        r = network_rows(h, a, &rows, &n, e); /* "bridge" has the first choice */
    if (r < 0)
        return r;
    _cleanup_close_ int lock =
        lock_take(store_root_fd(h->store), NETWORK_LOCK, LOCK_EXCLUSIVE, h->cancel, e);
    if (lock < 0)
        return lock;
    r = make(&m, e);
    if (r >= 0)
        r = network_inspect(h, m.id, a, ret, e);
    if (r >= 0)
        network_event(
            h->store, EVENT_NETWORK_CREATE,
            &(const struct network){.row = {.id = m.id, .name = o->name, .driver = m.driver}},
            NULL);
    return r;
}

/* ---- removing ---- */

/* Ends of containers that nobody has recorded yet. */
static void refresh_members(struct container_host *h, const char *network, struct arena *a)
{
    struct meta_endpoint *v = NULL;
    size_t n = 0;
    struct ctr c;

    if (meta_endpoint_list(store_meta(h->store), NULL, network, a, &v, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        (void)ctr_find(h, v[i].container, a, &c, NULL);
}

static int has_members(struct container_host *h, const struct network *n, struct arena *a,
                       struct shale_err *e)
{
    struct meta_endpoint *v = NULL;
    struct meta_container c;
    size_t n_members = 0;
    int r = meta_endpoint_list(store_meta(h->store), NULL, n->row.id, a, &v, &n_members, e);

    if (r < 0)
        return r;
    if (n_members == 0 || meta_container_get(store_meta(h->store), v[0].container, a, &c, NULL) < 0)
        return 0;
    return err_set(e, SHALE_IN_USE,
                   "error while removing network: network %.100s id %s has active endpoints "
                   "(name:\"%.100s\" id:\"%.12s\")",
                   n->row.name, n->row.id, c.name, c.id);
}

int network_rm(struct container_host *h, const char *network, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct network n;
    int r = network_find(h, network, &a, &n, e);

    if (r < 0)
        return r;
    if (n.builtin)
        return err_set(e, SHALE_DENIED, "%s is a pre-defined network and cannot be removed",
                       n.row.name);
    refresh_members(h, n.row.id, &a);
    _cleanup_close_ int lock =
        lock_take(store_root_fd(h->store), NETWORK_LOCK, LOCK_EXCLUSIVE, h->cancel, e);
    if (lock < 0)
        return lock;
    r = has_members(h, &n, &a, e);
    if (r >= 0)
        r = meta_network_delete(store_meta(h->store), n.row.id, e);
    if (r >= 0)
        network_event(h->store, EVENT_NETWORK_DESTROY, &n, NULL);
    return r;
}

static int check_prune(const char *const *list, int64_t *until, struct shale_err *e)
{
    for (; list && *list; list++) {
        if (str_has_prefix(*list, "label=") || str_has_prefix(*list, "label!="))
            continue;
        if (!str_has_prefix(*list, "until="))
            return err_set(e, SHALE_INVALID, "invalid filter '%.*s'",
                           (int)(strcspn(*list, "=") > 64 ? 64 : strcspn(*list, "=")), *list);
        int r = time_parse_filter(*list + strlen("until="), time_now_ns(), until, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_meant(const struct shale_network *n, int64_t until, const char *const *list)
{
    if (n->builtin || n->n_members || (until != TIME_NONE && n->created_ns >= until))
        return false;
    for (; list && *list; list++) {
        if (str_has_prefix(*list, "label=") &&
            !labels_match(n->labels_json, *list + strlen("label=")))
            return false;
        if (str_has_prefix(*list, "label!=") &&
            labels_match(n->labels_json, *list + strlen("label!=")))
            return false;
    }
    return true;
}

int network_prune(struct container_host *h, const struct shale_network_prune_opts *o,
                  struct arena *a, struct shale_network_pruned *ret, struct shale_err *e)
{
    const struct shale_network_ls_opts all = {.size = sizeof all};
    struct shale_network_list list;
    int64_t until = TIME_NONE;
    size_t n = 0;
    int r = check_prune(o->filters, &until, e);

    if (r >= 0)
        r = network_ls(h, &all, a, &list, e);
    if (r < 0)
        return r;
    const char **gone = arena_array(a, list.n_items + 1, sizeof *gone);
    if (!gone)
        return err_nomem(e);
    for (size_t i = 0; i < list.n_items; i++) {
        if (!is_meant(&list.items[i], until, o->filters))
            continue;
        r = network_rm(h, list.items[i].id, e);
        if (r == -SHALE_IN_USE || r == -SHALE_NOT_FOUND) /* taken or removed meanwhile */
            continue;
        if (r < 0)
            return r;
        gone[n++] = list.items[i].name;
    }
    prune_event(h->store, EVENT_NETWORK_PRUNE, 0);
    *ret = (struct shale_network_pruned){gone, n};
    return 0;
}

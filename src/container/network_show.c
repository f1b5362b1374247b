/* SPDX-License-Identifier: Apache-2.0 */
/* Networks as the public API shows them; the filters of `network ls`. */
#include "base/cleanup.h"
#include "base/str.h"
#include "container/conf.h"
#include "container/jout.h"
#include "container/labels.h"
#include "container/listfilter.h"
#include "container/network.h"

static int map_text(const struct strmap *map, struct arena *a, const char **ret,
                    struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = !o, r;
    char *text;

    for (size_t i = 0; i < map->n; i++)
        jout_str(&bad, o, map->m[i].k, map->m[i].v);
    r = jout_check(bad, "network", e);
    if (r >= 0)
        r = jout_text(o, JSON_COMPACT, a, &text, e);
    if (r >= 0)
        *ret = text;
    return r;
}

/* What it asked for on that network, if it did. */
static const char *asked_mac(const struct meta_container *c, const char *network, struct arena *a)
{
    struct conf k;

    if (!strstr(c->config, "\"Mac\":") || conf_parse(c->config, a, &k, NULL) < 0)
        return "";
    for (size_t i = 0; i < k.n_networks; i++)
        if (streq(k.networks[i].id, network))
            return k.networks[i].mac;
    return "";
}

static int put_members(struct container_host *h, const struct network *n, struct arena *a,
                       struct shale_network *ret, struct shale_err *e)
{
    struct meta_endpoint *v = NULL;
    size_t n_all = 0, done = 0;
    int r = meta_endpoint_list(store_meta(h->store), NULL, n->row.id, a, &v, &n_all, e);

    if (r < 0)
        return r;
    struct shale_network_member *w = arena_array(a, n_all + 1, sizeof *w);
    if (!w)
        return err_nomem(e);
    for (size_t i = 0; i < n_all; i++) {
        struct meta_container c;
        char address[IPV4_BYTES], address6[IPV6_BYTES], mac[18];
        if (meta_container_get(store_meta(h->store), v[i].container, a, &c, NULL) < 0)
            continue;
        w[done] = (struct shale_network_member){
            .container_id = v[i].container,
            .container_name = c.name,
            .endpoint_id = v[i].id,
            .mac = arena_strdup(a, network_mac(v[i].address, mac)),
            .address = arena_printf(a, "%s/%u", ipv4_format(v[i].address, address), n->subnet.bits),
            .address6 = ""};
        const char *asked = asked_mac(&c, n->row.id, a);
        if (*asked)
            w[done].mac = asked;
        if (n->ipv6) {
            struct ipv6 other = network_address6(n, v[i].address, v[i].address6);
            w[done].address6 =
                arena_printf(a, "%s/%u", ipv6_format(&other, address6), n->subnet6.bits);
        }
        if (!w[done].mac || !w[done].address || !w[done].address6)
            return err_nomem(e);
        done++;
    }
    ret->members = w;
    ret->n_members = done;
    return 0;
}

static int show(struct container_host *h, const struct network *n, struct arena *a,
                struct shale_network *ret, struct shale_err *e)
{
    char net[IPV4_NET_BYTES], range[IPV4_NET_BYTES], gateway[IPV4_BYTES];
    char net6[IPV6_NET_BYTES], gateway6[IPV6_BYTES];
    int r;

    *ret = (struct shale_network){
        .id = n->row.id,
        .name = n->row.name,
        .driver = n->row.driver,
        .created_ns = n->row.created_ns,
        .subnet = n->connects ? arena_strdup(a, ipv4_net_format(&n->subnet, net)) : "",
        .gateway = n->connects ? arena_strdup(a, ipv4_format(n->gateway, gateway)) : "",
        .ip_range = n->range.bits ? arena_strdup(a, ipv4_net_format(&n->range, range)) : "",
        .internal = n->internal,
        .attachable = n->attachable,
        .builtin = n->builtin,
        .ipv6 = n->ipv6,
        .subnet6 = n->ipv6 ? arena_strdup(a, ipv6_net_format(&n->subnet6, net6)) : "",
        .gateway6 = n->ipv6 ? arena_strdup(a, ipv6_format(&n->gateway6, gateway6)) : "",
    };
    if (!ret->subnet || !ret->gateway || !ret->ip_range || !ret->subnet6 || !ret->gateway6)
        return err_nomem(e);
    r = map_text(&n->labels, a, &ret->labels_json, e);
    if (r >= 0)
        r = map_text(&n->options, a, &ret->options_json, e);
    if (r >= 0)
        r = map_text(&n->aux, a, &ret->aux_json, e);
    return r < 0 ? r : put_members(h, n, a, ret, e);
}

int network_inspect(struct container_host *h, const char *network, struct arena *a,
                    struct shale_network *ret, struct shale_err *e)
{
    struct network n;
    int r = network_find(h, network, a, &n, e);

    return r < 0 ? r : show(h, &n, a, ret, e);
}

/* ---- filters ---- */

static bool match_dangling(const void *item, const char *value)
{
    const struct shale_network *n = item;

    return (!n->builtin && n->n_members == 0) == listfilter_is_true(value);
}

static bool match_driver(const void *item, const char *value)
{
    const struct shale_network *n = item;

    return streq(n->driver, value);
}

static bool match_id(const void *item, const char *value)
{
    const struct shale_network *n = item;

    return strstr(n->id, value) != NULL;
}

static bool match_label(const void *item, const char *value)
{
    const struct shale_network *n = item;

    return labels_match(n->labels_json, value);
}

static bool match_name(const void *item, const char *value)
{
    const struct shale_network *n = item;

    return strstr(n->name, value) != NULL;
}

static bool match_scope(const void *item, const char *value)
{
    return streq(value, "local");
}

static bool match_type(const void *item, const char *value)
{
    const struct shale_network *n = item;

    return streq(value, "builtin") == n->builtin;
}

static int check_type(const char *value, struct shale_err *e)
{
    return streq(value, "builtin") || streq(value, "custom")
               ? 0
               : err_set(e, SHALE_INVALID, "invalid filter: 'type'='%.64s'", value);
}

static const struct listfilter filters[] = {
    {"dangling=", match_dangling, listfilter_check_dangling, true},
    {"driver=", match_driver, NULL, false},
    {"id=", match_id, NULL, false},
    {"label=", match_label, NULL, true},
    {"name=", match_name, NULL, false},
    {"scope=", match_scope, NULL, false},
    {"type=", match_type, check_type, false},
};

int network_ls(struct container_host *h, const struct shale_network_ls_opts *o, struct arena *a,
               struct shale_network_list *ret, struct shale_err *e)
{
    struct meta_network *rows = NULL;
    size_t n = 0, kept = 0;
    int r = listfilter_check(filters, ARRAY_SIZE(filters), o->filters, e);

    if (r >= 0)
        r = network_rows(h, a, &rows, &n, e);
    if (r < 0)
        return r;
    struct shale_network *v = arena_array(a, n + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        struct network one;
        r = network_of_row(&rows[i], a, &one, e);
        if (r >= 0)
            r = show(h, &one, a, &v[kept], e);
        if (r < 0)
            return r;
        kept += listfilter_passes(filters, ARRAY_SIZE(filters), &v[kept], o->filters);
    }
    *ret = (struct shale_network_list){v, kept};
    return 0;
}

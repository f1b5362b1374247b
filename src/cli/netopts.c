/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/netopts.h"

#include <arpa/inet.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/port.h"
#include "model/run_value.h"

/* ---- one --network ---- */

struct wanted { /* name=NET,alias=A,ip=ADDRESS; or NET alone */
    const char *name, *ip, *ip6, *mac;
    struct strv aliases;
};

static int take_field(struct wanted *w, struct str field, struct arena *a, struct shale_err *e)
{
    const char *eq = memchr(field.p, '=', field.n);
    struct str key = {field.p, eq ? (size_t)(eq - field.p) : field.n};
    char *value = eq ? arena_strndup(a, eq + 1, field.n - key.n - 1) : NULL;

    if (!eq)
        return err_set(e, SHALE_INVALID, "invalid field %.*s", (int)field.n, field.p);
    if (!value)
        return err_nomem(e);
    if (str_eq(key, STR("name")))
        w->name = value;
    else if (str_eq(key, STR("alias")))
        w->aliases.v[w->aliases.n++] = value;
    else if (str_eq(key, STR("ip")))
        w->ip = value;
    else if (str_eq(key, STR("ip6")))
        w->ip6 = value;
    else if (str_eq(key, STR("mac-address"))) {
        char *mac = NULL;
        int r = run_mac(value, a, &mac, e);
        w->mac = mac;
        return r;
    } else if (str_eq(key, STR("link-local-ip")) || str_eq(key, STR("driver-opt")) ||
               str_eq(key, STR("gw-priority")))
        return err_set(e, SHALE_UNSUPPORTED, "%.*s of a network is not supported yet", (int)key.n,
                       key.p);
    else
        return err_set(e, SHALE_INVALID, "invalid field key %.*s", (int)key.n, key.p);
    return 0;
}

static bool is_long_form(const char *text)
{
    return strchr(text, '=') != NULL;
}

static int parse_network(const char *text, struct arena *a, struct wanted *w, struct shale_err *e)
{
    struct str rest = str_of(text), one;
    size_t n = 1;
    int r = 0;

    if (!is_long_form(text)) {
        w->name = text;
        return 0;
    }
    for (const char *p = text; *p; p++)
        n += *p == ',';
    w->aliases.v = arena_array(a, n + 1, sizeof *w->aliases.v);
    if (!w->aliases.v)
        return err_nomem(e);
    while (r >= 0 && str_split(&rest, ',', &one))
        r = take_field(w, one, a, e);
    if (r >= 0 && !w->name)
        r = err_set(e, SHALE_INVALID, "network name/id is not specified");
    return r;
}

/* ---- together ---- */

static bool is_address(int kind, const char *text)
{
    unsigned char raw[sizeof(struct in6_addr)];

    return inet_pton(kind, text, raw) == 1;
}

static int check_ports(struct cli *c, const struct strv *list, bool publish)
{
    struct port_list ports = {.v = NULL};
    struct port_range range;
    for (size_t i = 0; i < list->n; i++) {
        struct shale_err why = SHALE_ERR_INIT;
        int r = publish ? port_publish(list->v[i], &c->arena, &ports, &why)
                        : port_expose(list->v[i], &range, &why);
        if (r < 0)
            return err_set(&c->e, -r, "%s", why.msg);
    }
    return 0;
}

int netopts_check(struct cli *c, const struct create_cli *o)
{
    int r = check_ports(c, &o->publish, true);
    if (r == 0)
        r = check_ports(c, &o->expose, false);
    if (r == 0 && o->ip && !is_address(AF_INET, o->ip))
        return cli_usage_error(c,
                               "invalid argument \"%s\" for \"--ip\" flag: failed to parse IP: "
                               "\"%s\"",
                               o->ip, o->ip);
    if (r == 0 && o->ip6 && !is_address(AF_INET6, o->ip6))
        return cli_usage_error(c,
                               "invalid argument \"%s\" for \"--ip6\" flag: failed to parse IP: "
                               "\"%s\"",
                               o->ip6, o->ip6);
    for (size_t i = 0; r == 0 && i < o->network.n; i++) {
        struct shale_err why = SHALE_ERR_INIT;
        struct wanted w = {.name = NULL};
        r = parse_network(o->network.v[i], &c->arena, &w, &why);
        if (r == -SHALE_UNSUPPORTED)
            return err_set(&c->e, SHALE_UNSUPPORTED, "%s", why.msg);
        if (r < 0)
            return cli_usage_error(c, "invalid argument \"%s\" for \"--network\" flag: %s",
                                   o->network.v[i], why.msg);
        if (i == 0 && w.aliases.n && o->network_alias.n)
            return err_set(&c->e, SHALE_INVALID,
                           "conflicting options: cannot specify both --network-alias and "
                           "per-network alias");
        if (i == 0 && w.ip && o->ip)
            return err_set(&c->e, SHALE_INVALID,
                           "conflicting options: cannot specify both --ip and per-network IPv4 "
                           "address");
        if (i == 0 && w.ip6 && o->ip6)
            return err_set(&c->e, SHALE_INVALID,
                           "conflicting options: cannot specify both --ip6 and per-network IPv6 "
                           "address");
        if (i == 0 && w.mac && o->more.mac)
            return err_set(&c->e, SHALE_INVALID,
                           "conflicting options: cannot specify both --mac-address and per-network "
                           "MAC address");
    }
    return r;
}

int netopts_take(struct cli *c, const struct create_cli *o, struct shale_create_opts *q)
{
    size_t n = o->network.n ? o->network.n : 1;
    struct shale_endpoint_opts *v = arena_array(&c->arena, n + 1, sizeof *v);
    if (!v)
        return err_nomem(&c->e);
    for (size_t i = 0; i < o->network.n; i++) {
        struct wanted w = {.name = NULL};
        int r = parse_network(o->network.v[i], &c->arena, &w, &c->e);
        if (r < 0)
            return r;
        v[i] = (struct shale_endpoint_opts){w.name, w.ip,  strv_or_null(&w.aliases),
                                            w.ip6,  w.mac, NULL};
    }
    if (o->more.mac)
        v[0].mac = o->more.mac;
    if (o->ip)
        v[0].address = o->ip;
    if (o->ip6)
        v[0].address6 = o->ip6;
    if (o->network_alias.n)
        v[0].aliases = strv_or_null(&o->network_alias);
    q->networks = v;
    q->n_networks = n;
    q->publish = strv_or_null(&o->publish);
    q->expose = strv_or_null(&o->expose);
    q->publish_all = o->publish_all;
    return 0;
}

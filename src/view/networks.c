/* SPDX-License-Identifier: Apache-2.0 */
#include "view/networks.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "view/doc.h"
#include "view/human.h"
#include "view/labels.h"
#include "view/list.h"

/* ---- ls ---- */

enum {
    COL_CREATED_AT,
    COL_DRIVER,
    COL_ID,
    COL_IPV4,
    COL_IPV6,
    COL_INTERNAL,
    COL_LABELS,
    COL_NAME,
    COL_SCOPE,
};
static const struct list_col cols[] = {
    [COL_CREATED_AT] = {"CreatedAt", "CREATED AT"},
    [COL_DRIVER] = {"Driver", "DRIVER"},
    [COL_ID] = {"ID", "NETWORK ID"},
    [COL_IPV4] = {"IPv4", "IPV4"},
    [COL_IPV6] = {"IPv6", "IPV6"},
    [COL_INTERNAL] = {"Internal", "INTERNAL"},
    [COL_LABELS] = {"Labels", "LABELS"},
    [COL_NAME] = {"Name", "NAME"},
    [COL_SCOPE] = {"Scope", "SCOPE"},
};

struct row {
    const struct shale_network *n;
    const struct networks_opts *o;
};

static void label(const void *row, const char *key, struct buf *b)
{
    const struct row *x = row;
    labels_put_value(x->n->labels_json, key, b);
}

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct row *x = row;
    switch (col) {
    case COL_CREATED_AT:
        human_time(b, x->n->created_ns);
        break;
    case COL_DRIVER:
        buf_adds(b, x->n->driver);
        break;
    case COL_ID:
        if (x->o->no_trunc)
            buf_adds(b, x->n->id);
        else
            human_short_id(b, x->n->id);
        break;
    case COL_IPV4:
        buf_adds(b, "true");
        break;
    case COL_IPV6:
        buf_adds(b, x->n->ipv6 ? "true" : "false");
        break;
    case COL_INTERNAL:
        buf_adds(b, x->n->internal ? "true" : "false");
        break;
    case COL_LABELS:
        labels_put(x->n->labels_json, b);
        break;
    case COL_NAME:
        buf_adds(b, x->n->name);
        break;
    default:
        buf_adds(b, "local");
        break;
    }
}

static const struct list_view networks_view = {
    .type_name = "*network.networkContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
    .label = label,
};

int networks_print(const struct shale_network_list *networks, const struct networks_opts *o,
                   struct buf *out, struct shale_err *e)
{
    static const unsigned char all[] = {COL_ID, COL_NAME, COL_DRIVER, COL_SCOPE}, id[] = {COL_ID};
    const char *raw = o->quiet ? "network_id: {{.ID}}"
                               : "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\n"
                                 "scope: {{.Scope}}\n";
    struct list_spec spec = {
        .format = streq(o->format, "raw")     ? raw
                  : streq(o->format, "table") ? NULL
                                              : o->format,
        .cols = o->quiet ? id : all,
        .n_cols = o->quiet ? 1 : ARRAY_SIZE(all),
        .quiet = o->quiet,
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &networks_view, &spec, e);
    for (size_t i = 0; r == 0 && i < networks->n_items; i++) {
        struct row row = {&networks->items[i], o};
        r = list_row(&l, &row, e);
    }
    return r < 0 ? r : list_end(&l, out, e);
}

/* ---- inspect ---- */

static json_t *ipam_of(const struct shale_network *n)
{
    struct doc d = doc_begin(), config = doc_begin();
    json_t *list = json_array();
    if (n->subnet[0]) {
        doc_str(&config, "Subnet", n->subnet);
        doc_str_opt(&config, "IPRange", n->ip_range);
        doc_str_opt(&config, "Gateway", n->gateway);
        if (n->aux_json[0] && !streq(n->aux_json, "{}"))
            doc_text(&config, "AuxiliaryAddresses", n->aux_json, json_object());
        if (json_array_append_new(list, doc_take(&config)) < 0) {
            json_decref(list);
            list = NULL;
        }
    } else {
        json_decref(doc_take(&config));
    }
    if (n->ipv6 && json_array_append_new(list, json_pack("{s:s, s:s}", "Subnet", n->subnet6,
                                                         "Gateway", n->gateway6)) < 0) {
        json_decref(list);
        list = NULL;
    }
    doc_str(&d, "Driver", "default");
    doc_put(&d, "Options", n->subnet[0] ? json_object() : json_null());
    doc_put(&d, "Config", list);
    return doc_take(&d);
}

static json_t *members_of(const struct shale_network *n)
{
    struct doc all = doc_begin();
    for (size_t i = 0; i < n->n_members; i++) {
        const struct shale_network_member *m = &n->members[i];
        struct doc d = doc_begin();
        doc_str(&d, "Name", m->container_name);
        doc_str(&d, "EndpointID", m->endpoint_id);
        doc_str(&d, "MacAddress", m->mac);
        doc_str(&d, "IPv4Address", m->address);
        doc_str(&d, "IPv6Address", m->address6);
        doc_put(&all, m->container_id, doc_take(&d));
    }
    return doc_take(&all);
}

int doc_network(const struct shale_network *n, json_t **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf created = BUF_INIT(64);
    struct doc d = doc_begin();
    doc_str(&d, "Name", n->name);
    doc_str(&d, "Id", n->id);
    doc_time(&d, "Created", n->created_ns);
    doc_str(&d, "Scope", "local");
    doc_str(&d, "Driver", n->driver);
    doc_bool(&d, "EnableIPv4", true);
    doc_bool(&d, "EnableIPv6", n->ipv6);
    doc_put(&d, "IPAM", ipam_of(n));
    doc_bool(&d, "Internal", n->internal);
    doc_bool(&d, "Attachable", n->attachable);
    doc_bool(&d, "Ingress", false);
    doc_put(&d, "ConfigFrom", json_pack("{s:s}", "Network", ""));
    doc_bool(&d, "ConfigOnly", false);
    doc_put(&d, "Containers", members_of(n));
    doc_text(&d, "Options", n->options_json, json_object());
    doc_text(&d, "Labels", n->labels_json, json_object());
    return doc_end(&d, ret, e);
}

/* ---- ports of a container ---- */

/* Ports in a row, of one address and protocol, that are the same on both sides or not published. */
struct group {
    const struct shale_container_port *first;
    unsigned last;
};

static bool is_plain(const struct shale_container_port *p)
{
    return !p->host_ip[0] || p->host == p->inside;
}

static bool is_of(const struct group *g, const struct shale_container_port *p)
{
    return streq(g->first->host_ip, p->host_ip) && streq(g->first->protocol, p->protocol);
}

static void put_address(const struct shale_container_port *p, struct buf *b)
{
    bool v6 = strchr(p->host_ip, ':') != NULL;

    buf_addf(b, "%s%s%s:", v6 ? "[" : "", p->host_ip, v6 ? "]" : "");
}

static void put_group(const struct group *g, struct buf *b)
{
    char range[32];
    if (g->last > g->first->inside)
        (void)snprintf(range, sizeof range, "%u-%u", g->first->inside, g->last);
    else
        (void)snprintf(range, sizeof range, "%u", g->first->inside);
    buf_adds(b, b->n ? ", " : "");
    if (g->first->host_ip[0]) {
        put_address(g->first, b);
        buf_addf(b, "%s->", range);
    }
    buf_addf(b, "%s/%s", range, g->first->protocol);
}

/* A group that is over is written at once, those that may go on are kept: docker's order. */
static void put_plain(const struct shale_container *c, struct group *groups, struct buf *b)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_ports; i++) {
        const struct shale_container_port *p = &c->ports[i];
        size_t k = 0;
        if (!is_plain(p))
            continue;
        while (k < n && !is_of(&groups[k], p))
            k++;
        if (k < n && p->inside == groups[k].last + 1) {
            groups[k].last = p->inside;
            continue;
        }
        if (k < n)
            put_group(&groups[k], b);
        else
            n++;
        groups[k] = (struct group){p, p->inside};
    }
    for (size_t k = 0; k < n; k++)
        put_group(&groups[k], b);
}

void networks_put_ports(const struct shale_container *c, struct buf *b)
{
    _cleanup_(buf_clear) struct buf text = BUF_INIT(DOC_MAX_JSON);
    _cleanup_free_ struct group *groups = c->n_ports ? mem_array(c->n_ports, sizeof *groups) : NULL;
    if (c->n_ports && !groups) {
        b->failed = SHALE_NO_MEMORY;
        return;
    }
    put_plain(c, groups, &text);
    for (size_t i = 0; i < c->n_ports; i++) {
        const struct shale_container_port *p = &c->ports[i];
        if (is_plain(p))
            continue;
        buf_adds(&text, text.n ? ", " : "");
        put_address(p, &text);
        buf_addf(&text, "%u->%u/%s", p->host, p->inside, p->protocol);
    }
    buf_fail_with(b, &text);
    buf_adds(b, buf_str(&text));
}

static json_t *ports_of(const struct shale_container *c)
{
    _cleanup_json_ json_t *o = json_object();
    int failed = !o;
    for (size_t i = 0; !failed && i < c->n_ports; i++) {
        const struct shale_container_port *p = &c->ports[i];
        char key[32], host[8];
        (void)snprintf(key, sizeof key, "%u/%s", p->inside, p->protocol);
        if (!p->host_ip[0]) {
            failed = json_object_set_new(o, key, json_null()) < 0;
            continue;
        }
        (void)snprintf(host, sizeof host, "%u", p->host);
        if (!json_object_get(o, key))
            failed = json_object_set_new(o, key, json_array()) < 0;
        if (json_array_append_new(json_object_get(o, key),
                                  json_pack("{s:s, s:s}", "HostIp", p->host_ip, "HostPort", host)) <
            0)
            failed = 1;
    }
    return failed ? NULL : TAKE_PTR(o);
}

/* ---- networks of a container ---- */

static json_t *asked_of(const struct shale_container_network *n)
{
    if (!n->asked_address[0] && !n->asked_address6[0])
        return json_null();
    struct doc d = doc_begin();
    doc_str_opt(&d, "IPv4Address", n->asked_address);
    doc_str_opt(&d, "IPv6Address", n->asked_address6);
    return doc_take(&d);
}

/* Names that are resolved on it. */
static json_t *names_of(const struct shale_container *c, const struct shale_container_network *n)
{
    json_t *list = json_array();
    int failed = json_array_append_new(list, doc_string(c->name)) < 0;
    for (size_t i = 0; i < n->n_aliases; i++)
        failed = failed || json_array_append_new(list, doc_string(n->aliases[i])) < 0;
    failed = failed || json_array_append_new(list, json_stringn(c->id, strnlen(c->id, 12))) < 0;
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *network_of(const struct shale_container *c, const struct shale_container_network *n)
{
    bool resolves = n->name[0] && !streq(n->name, "bridge") && n->address[0];
    struct doc d = doc_begin();
    doc_put(&d, "IPAMConfig", asked_of(n));
    doc_put(&d, "Links", n->n_links ? doc_strings(n->links, n->n_links) : json_null());
    doc_put(&d, "Aliases", n->n_aliases ? doc_strings(n->aliases, n->n_aliases) : json_null());
    doc_str(&d, "MacAddress", n->mac);
    doc_put(&d, "DriverOpts", json_null());
    doc_int(&d, "GwPriority", 0);
    doc_str(&d, "NetworkID", n->id);
    doc_str(&d, "EndpointID", n->endpoint_id);
    doc_str(&d, "Gateway", n->gateway);
    doc_str(&d, "IPAddress", n->address);
    doc_int(&d, "IPPrefixLen", n->prefix_bits);
    doc_str(&d, "IPv6Gateway", n->gateway6);
    doc_str(&d, "GlobalIPv6Address", n->address6);
    doc_int(&d, "GlobalIPv6PrefixLen", n->prefix6_bits);
    doc_put(&d, "DNSNames", resolves ? names_of(c, n) : json_null());
    return doc_take(&d);
}

json_t *networks_joined(const struct shale_container *c)
{
    static const struct shale_container_network nothing = {.name = "",
                                                           .id = "",
                                                           .asked_address = "",
                                                           .asked_address6 = "",
                                                           .endpoint_id = "",
                                                           .address = "",
                                                           .gateway = "",
                                                           .address6 = "",
                                                           .gateway6 = "",
                                                           .mac = ""};
    const char *mode = c->network && *c->network ? c->network : "none";
    struct doc all = doc_begin();
    for (size_t i = 0; i < c->n_networks; i++)
        doc_put(&all, c->networks[i].name, network_of(c, &c->networks[i]));
    if (streq(mode, "none") || streq(mode, "host"))
        doc_put(&all, mode, network_of(c, &nothing));
    return doc_take(&all);
}

/* The fields from before there were several networks: those of "bridge". */
static void add_old_fields(struct doc *d, const struct shale_container *c)
{
    const struct shale_container_network *b = NULL;
    for (size_t i = 0; i < c->n_networks; i++)
        if (streq(c->networks[i].name, "bridge"))
            b = &c->networks[i];
    doc_str(d, "EndpointID", b ? b->endpoint_id : "");
    doc_str(d, "Gateway", b ? b->gateway : "");
    doc_str(d, "GlobalIPv6Address", "");
    doc_int(d, "GlobalIPv6PrefixLen", 0);
    doc_str(d, "IPAddress", b ? b->address : "");
    doc_int(d, "IPPrefixLen", b ? b->prefix_bits : 0);
    doc_str(d, "IPv6Gateway", "");
    doc_str(d, "MacAddress", b ? b->mac : "");
}

json_t *networks_settings(const struct shale_container *c)
{
    struct doc d = doc_begin();
    doc_str(&d, "Bridge", "");
    doc_str(&d, "SandboxID", c->netns_path && c->netns_path[0] ? c->id : "");
    doc_str(&d, "SandboxKey", c->netns_path);
    doc_put(&d, "Ports", ports_of(c));
    doc_bool(&d, "HairpinMode", false);
    doc_str(&d, "LinkLocalIPv6Address", "");
    doc_int(&d, "LinkLocalIPv6PrefixLen", 0);
    doc_put(&d, "SecondaryIPAddresses", json_null());
    doc_put(&d, "SecondaryIPv6Addresses", json_null());
    add_old_fields(&d, c);
    doc_put(&d, "Networks", networks_joined(c));
    return doc_take(&d);
}

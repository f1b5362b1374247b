/* SPDX-License-Identifier: Apache-2.0 */
/* Networks, ports and host name of a new container. */
#include <ctype.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/str.h"
#include "container/create_priv.h"
#include "container/network.h"
#include "container/pasta.h"

#define SHORT_ID       12
#define HOSTNAME_BYTES 64

static bool is_private(const char *mode)
{
    return streq(mode, "none") || streq(mode, "host") || str_has_prefix(mode, NS_MODE_JOINS) ||
           (streq(mode, PASTA_MODE) && proc_is_user());
}

/* ---- the mode ---- */

/* What does not go with another container's network. */
static int check_joined(const struct shale_create_opts *o, struct shale_err *e)
{
    const struct {
        bool given;
        const char *what;
    } no[] = {
        {o->hostname && o->hostname[0], "hostname"},
        {o->publish || o->publish_all, "port publishing"},
        {o->expose != NULL, "port exposing"},
        {o->dns || o->dns_search || o->dns_options, "dns"},
        {o->extra_hosts != NULL, "custom host-to-IP mapping"},
    };

    if (o->links)
        return err_set(e, SHALE_INVALID,
                       "conflicting options: container type network can't be used with links. This "
                       "would result in undefined behavior");

    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        if (no[i].given)
            return err_set(e, SHALE_INVALID, "conflicting options: %s and the %snetwork mode",
                           no[i].what, str_has_prefix(no[i].what, "port") ? "container type " : "");
    return 0;
}

/* "container:NAME" with its ID, and its host name for ours. */
static int join(struct create *c, const char *name, struct shale_err *e)
{
    struct meta_container row;
    struct conf other;
    int r = check_joined(c->o, e);

    if (r >= 0 && !name[0])
        r = err_set(e, SHALE_INVALID, "invalid container format container:<name|id>");
    if (r >= 0)
        r = create_joined(c, name, &row, e);
    if (r >= 0)
        r = conf_parse(row.config, c->a, &other, e);
    if (r < 0)
        return r;
    c->conf.network = arena_printf(c->a, NS_MODE_JOINS "%s", row.id);
    c->conf.hostname = other.hostname;
    c->conf.domainname = other.domainname;
    return c->conf.network ? 0 : err_nomem(e);
}

/* They become words of files, also of those of other containers. */
static int check_host_word(const char *s, const char *what, struct shale_err *e)
{
    for (; s && *s; s++)
        if (isspace((unsigned char)*s) || iscntrl((unsigned char)*s))
            return err_set(e, SHALE_INVALID,
                           "invalid %s: it has white space or control characters in it", what);
    return 0;
}

static int take_hostname(struct create *c, const char *id, struct shale_err *e)
{
    char host[HOSTNAME_BYTES + 1] = "";

    bool of_host = streq(c->conf.network, "host") || ns_mode_is_host(c->conf.namespaces[NS_UTS]);
    if (conf_network_of(&c->conf))
        return 0;
    int r = check_host_word(c->o->hostname, "hostname", e);
    if (r >= 0)
        r = check_host_word(c->o->domainname, "domain name", e);
    if (r < 0)
        return r;
    c->conf.domainname = c->o->domainname ? c->o->domainname : "";
    c->conf.hostname = c->o->hostname;
    if (!c->conf.hostname || !c->conf.hostname[0]) {
        (void)gethostname(host, sizeof host - 1);
        c->conf.hostname =
            of_host && host[0] ? arena_strdup(c->a, host) : arena_strndup(c->a, id, SHORT_ID);
    }
    return c->conf.hostname ? 0 : err_nomem(e);
}

/* ---- networks ---- */

static bool has_any(const char *const *list)
{
    return list && list[0];
}

/* *n_publish: + 1 when ports can be published there. */
static int connect_one(struct create *c, const struct shale_endpoint_opts *o, size_t *n_publish,
                       struct shale_err *e)
{
    struct conf *k = &c->conf;
    struct conf_network *to = &k->networks[k->n_networks];
    struct network n;
    struct ipv6 address6;
    uint32_t address;

    if (proc_is_user())
        return err_set(
            e, SHALE_UNSUPPORTED,
            "network %.100s needs root: other users have \"pasta\", \"host\", \"none\" and "
            "\"container:NAME\"",
            o->network);
    int r = network_find(c->h, o->network, c->a, &n, e);

    if (r == -SHALE_NOT_FOUND)
        e->code = SHALE_INVALID;
    if (r < 0)
        return -e->code;
    for (size_t i = 0; i < k->n_networks; i++)
        if (streq(k->networks[i].id, n.row.id))
            return err_set(e, SHALE_INVALID, "network \"%.100s\" is specified multiple times",
                           n.row.name);
    if (!n.connects)
        return err_set(e, SHALE_INVALID,
                       "conflicting options: cannot attach both user-defined and "
                       "non-user-defined network-modes");
    if (n.builtin && has_any(o->aliases))
        return err_set(e, SHALE_INVALID,
                       "invalid config for network %.100s: invalid endpoint settings:\n"
                       "network-scoped aliases are only supported for user-defined networks",
                       n.row.name);
    *to = (struct conf_network){
        .name = n.row.name, .id = n.row.id, .address = "", .address6 = "", .mac = ""};
    if (o->address && o->address[0]) {
        to->address = arena_strdup(c->a, o->address);
        r = to->address ? network_check_address(&n, o->address, &address, e) : err_nomem(e);
    }
    if (r >= 0 && o->address6 && o->address6[0]) {
        to->address6 = arena_strdup(c->a, o->address6);
        r = to->address6 ? network_check_address6(&n, o->address6, &address6, e) : err_nomem(e);
    }
    if (r >= 0)
        r = create_list(c, o->aliases, &to->aliases, e);
    if (r >= 0 && o->mac && o->mac[0]) {
        char *mac = NULL;
        r = run_mac(o->mac, c->a, &mac, e);
        to->mac = mac;
    }
    if (r >= 0 && !n.builtin)
        r = create_link_list(c, o->links, &to->links, e);
    k->n_networks++;
    *n_publish += !n.macvlan;
    return r;
}

static int take_networks(struct create *c, const struct shale_endpoint_opts *v, size_t n,
                         struct shale_err *e)
{
    size_t n_publish = 0;
    int r = 0;

    c->conf.networks = arena_array(c->a, n + 1, sizeof *c->conf.networks);
    if (!c->conf.networks)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = connect_one(c, &v[i], &n_publish, e);
    if (r >= 0)
        c->conf.network = c->conf.networks[0].name;
    if (r >= 0 && n_publish == 0 && (has_any(c->o->publish) || c->o->publish_all))
        c->warnings[c->n_warnings++] =
            "Published ports are discarded when using macvlan networks only";
    return r;
}

static int check_private(struct create *c, const struct shale_endpoint_opts *v, size_t n,
                         struct shale_err *e)
{
    if (n > 1)
        return err_set(e, SHALE_INVALID,
                       "conflicting options: cannot attach both user-defined and "
                       "non-user-defined network-modes");
    if ((v->address && v->address[0]) || (v->address6 && v->address6[0]))
        return err_set(e, SHALE_INVALID,
                       "invalid endpoint settings:\nuser-specified IP address is supported only "
                       "when connecting to networks with user configured subnets");
    if (v->mac && v->mac[0] && !streq(v->network, "none"))
        return err_set(e, SHALE_INVALID, "conflicting options: mac-address and the network mode");
    if (streq(v->network, "host") && has_any(c->o->links))
        return err_set(e, SHALE_INVALID,
                       "conflicting options: host type networking can't be used with links. This "
                       "would result in undefined behavior");
    if (has_any(v->aliases))
        return err_set(e, SHALE_INVALID,
                       "invalid endpoint settings:\nnetwork-scoped aliases are only supported for "
                       "user-defined networks");
    if (streq(v->network, "host") && (has_any(c->o->publish) || c->o->publish_all))
        c->warnings[c->n_warnings++] = "Published ports are discarded when using host network mode";
    return 0;
}

/* ---- ports ---- */

static void expose(struct strv *l, char *port)
{
    for (size_t i = 0; i < l->n; i++)
        if (streq(l->v[i], port))
            return;
    l->v[l->n++] = port;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int expose_range(struct create *c, const struct port_range *p, struct strv *l,
                        struct shale_err *e)
{
    for (unsigned port = p->first; port <= p->last; port++) {
        char *text = arena_printf(c->a, "%u/%s", port, p->protocol);
        if (!text)
            return err_nomem(e);
        expose(l, text);
    }
    return 0;
}

/* The image's, those of --expose and those that are published. */
static int take_ports(struct create *c, struct shale_err *e)
{
    const struct strv *image = &c->image->run.exposed_ports;
    struct port_list *ports = &c->conf.ports;
    struct strv *all = &c->conf.exposed_ports;
    struct port_range range;
    size_t room = image->n;
    int r = 0;

    for (const char *const *p = c->o->publish; r >= 0 && p && *p; p++)
        r = port_publish(*p, c->a, ports, e);
    for (const char *const *p = c->o->expose; r >= 0 && p && *p; p++) {
        r = port_expose(*p, &range, e);
        if (r >= 0)
            room += (size_t)(range.last - range.first) + 1;
    }
    if (r < 0)
        return r;
    all->v = arena_array(c->a, room + ports->n + 1, sizeof *all->v);
    if (!all->v)
        return err_nomem(e);
    all->n = 0;
    for (size_t i = 0; i < image->n; i++)
        expose(all, image->v[i]);
    for (const char *const *p = c->o->expose; r >= 0 && p && *p; p++)
        r = port_expose(*p, &range, e) < 0 ? -SHALE_INVALID : expose_range(c, &range, all, e);
    for (size_t i = 0; r >= 0 && i < ports->n; i++) {
        range = (struct port_range){ports->v[i].protocol, ports->v[i].inside, ports->v[i].inside};
        r = expose_range(c, &range, all, e);
    }
    if (all->n) /* as docker's documents have them */
        qsort(all->v, all->n, sizeof *all->v, by_text);
    c->conf.publish_all = c->o->publish_all;
    return r;
}

int create_network(struct create *c, const char *id, struct shale_err *e)
{
    struct shale_endpoint_opts one = {.network = c->o->network};
    const struct shale_endpoint_opts *v = c->o->n_networks ? c->o->networks : &one;
    size_t n = c->o->n_networks ? c->o->n_networks : 1;
    int r = 0;

    if (n == 1 && (!v->network || !v->network[0] || streq(v->network, "default"))) {
        one = *v;
        one.network = proc_is_user() ? PASTA_MODE : NETWORK_BRIDGE;
        v = &one;
    }
    for (size_t i = 0; r >= 0 && i < n; i++)
        if (is_private(v[i].network))
            r = check_private(c, &v[i], n, e);
    if (r < 0)
        return r;
    if (str_has_prefix(v->network, NS_MODE_JOINS))
        r = join(c, v->network + sizeof NS_MODE_JOINS - 1, e);
    else if (is_private(v->network))
        c->conf.network = v->network;
    else
        r = take_networks(c, v, n, e);
    if (r >= 0)
        r = take_ports(c, e);
    return r < 0 ? r : take_hostname(c, id, e);
}

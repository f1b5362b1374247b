/* SPDX-License-Identifier: Apache-2.0 */
/* network create */
#include <shale/network.h>

#include "base/str.h"
#include "cli/cli.h"

struct network_create_opts {
    const char *driver, *ipam_driver, *scope, *config_from;
    struct strv subnet, gateway, ip_range, aux, label, opt, ipam_opt;
    bool internal, attachable, ingress, config_only, ipv4, ipv6;
};
static const struct network_create_opts preset = {
    .driver = "bridge", .ipam_driver = "default", .ipv4 = true};

#define O(field) offsetof(struct network_create_opts, field)
static const struct opt opts[] = {
    {0, "attachable", OPT_BOOL, O(attachable), NULL, "Enable manual container attachment"},
    {0, "aux-address", OPT_LIST, O(aux), "map",
     "Addresses that no container is given (\"name=address\")"},
    {0, "config-from", OPT_STR, O(config_from), NULL, "Not supported", OPT_HIDDEN},
    {0, "config-only", OPT_BOOL, O(config_only), NULL, "Not supported", OPT_HIDDEN},
    {'d', "driver", OPT_STR, O(driver), NULL, "Driver to manage the Network", 0, "bridge"},
    {0, "gateway", OPT_CSV, O(gateway), NULL, "IPv4 or IPv6 Gateway for the master subnet"},
    {0, "ingress", OPT_BOOL, O(ingress), NULL, "Not supported", OPT_HIDDEN},
    {0, "internal", OPT_BOOL, O(internal), NULL, "Restrict external access to the network"},
    {0, "ip-range", OPT_CSV, O(ip_range), NULL, "Allocate container ip from a sub-range"},
    {0, "ipam-driver", OPT_STR, O(ipam_driver), NULL, "IP Address Management Driver", OPT_HIDDEN,
     "default"},
    {0, "ipam-opt", OPT_LIST, O(ipam_opt), "map", "Not supported", OPT_HIDDEN},
    {0, "ipv4", OPT_BOOL, O(ipv4), NULL, "Enable IPv4 address assignment", OPT_HIDDEN, "true"},
    {0, "ipv6", OPT_BOOL, O(ipv6), NULL, "Enable IPv6 address assignment"},
    {0, "label", OPT_LIST, O(label), NULL, "Set metadata on a network"},
    {'o', "opt", OPT_LIST, O(opt), "map", "Set driver specific options"},
    {0, "scope", OPT_STR, O(scope), NULL, "Control the network's scope", OPT_HIDDEN},
    {0, "subnet", OPT_CSV, O(subnet), NULL,
     "Subnet in CIDR format that represents a network\nsegment"},
    {0},
};

/* Of IPv6, or of IPv4: how many there are, and the first of them. */
static size_t count(const struct strv *l, bool ipv6)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += (strchr(l->v[i], ':') != NULL) == ipv6;
    return n;
}

static const char *first(const struct strv *l, bool ipv6)
{
    for (size_t i = 0; i < l->n; i++)
        if ((strchr(l->v[i], ':') != NULL) == ipv6)
            return l->v[i];
    return NULL;
}

/* Options of docker that mean nothing here, or not yet. */
static int check(struct cli *c, const struct network_create_opts *o)
{
    const struct {
        bool given;
        const char *what;
    } no[] = {
        {!o->ipv4, "networks without IPv4 are"},
        {o->ingress || o->config_only || o->config_from, "swarm and configuration networks are"},
        {!streq(o->ipam_driver, "default") || o->ipam_opt.n, "other IPAM drivers are"},
        {o->scope && !streq(o->scope, "local"), "scopes other than \"local\" are"},
        {o->ip_range.n > 1 || count(&o->subnet, false) > 1 || count(&o->subnet, true) > 1 ||
             count(&o->gateway, false) > 1 || count(&o->gateway, true) > 1,
         "several subnets of one kind are"},
        {count(&o->ip_range, true) > 0, "ranges of IPv6 addresses are"},
    };
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (no[i].given)
            return err_set(&c->e, SHALE_UNSUPPORTED, "%s not supported yet", no[i].what);
    return 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct network_create_opts *o = opts_;
    struct shale_network_create_opts q = {
        .size = sizeof q,
        .name = args[0],
        .driver = o->driver,
        .subnet = first(&o->subnet, false),
        .gateway = first(&o->gateway, false),
        .ipv6 = o->ipv6,
        .subnet6 = first(&o->subnet, true),
        .gateway6 = first(&o->gateway, true),
        .ip_range = o->ip_range.n ? o->ip_range.v[0] : NULL,
        .aux = (const char *const *)o->aux.v,
        .labels = (const char *const *)o->label.v,
        .options = (const char *const *)o->opt.v,
        .internal = o->internal,
        .attachable = o->attachable,
    };
    struct shale_network *res = NULL;
    struct shale *s;
    int r = check(c, o);
    if (r == 0)
        r = cli_open(c, &s);
    if (r == 0)
        r = shale_network_create(s, &q, &res, &c->e);
    if (r == 0 && res)
        r = cli_printf(c, "%s\n", res->id);
    shale_free(res);
    return r;
}

const struct cmd cmd_network_create = {
    .brief = "Create a network",
    .usage = "[OPTIONS] NETWORK",
    .text = "Containers on a bridge that was created find each other by name; its options are\n"
            "com.docker.network.bridge.name and com.docker.network.driver.mtu. The driver macvlan\n"
            "puts containers on the network of an interface of this host, with addresses of their\n"
            "own there: -o parent=INTERFACE, and macvlan_mode and com.docker.network.driver.mtu.",
    .example = "shale network create backend\n"
               "shale network create --subnet 10.5.0.0/24 --internal private\n"
               "shale network create --ipv6 --subnet fd00:1::/64 both\n"
               "shale network create -d macvlan -o parent=eth0 --subnet 192.168.1.0/24 lan",
    .opts = opts,
    .opts_size = sizeof(struct network_create_opts),
    .preset = &preset,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};

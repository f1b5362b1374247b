/* SPDX-License-Identifier: Apache-2.0 */
/* network connect, disconnect, ls, prune, rm; inspect is in cmd_inspect.c. */
#include <arpa/inet.h>
#include <shale/network.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/confirm.h"
#include "cli/each.h"
#include "cli/pruned.h"
#include "view/networks.h"

struct network_opts {
    const char *format, *ip, *ip6;
    struct strv filter, alias, link, link_local, driver_opt;
    int64_t priority;
    bool force, quiet, no_trunc;
};

#define O(field) offsetof(struct network_opts, field)

/* ---- ls ---- */

static const struct opt ls_opts[] = {
    {'f', "filter", OPT_FILTER, O(filter), NULL, "Provide filter values (e.g. \"driver=bridge\")"},
    {0, "format", OPT_STR, O(format), NULL, CMD_FORMAT_HELP},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Do not truncate the output"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only display network IDs"},
    {0},
};

static int run_ls(struct cli *c, const void *opts, int n, char **args)
{
    const struct network_opts *o = opts;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_network_ls_opts q = {.size = sizeof q,
                                      .filters = (const char *const *)o->filter.v};
    struct networks_opts v = {.format = o->format,
                              .quiet = o->quiet,
                              .no_trunc = o->no_trunc,
                              .printable = cli_is_terminal()};
    struct shale_network_list *list = NULL;
    struct shale *s;
    if (!v.format && !v.quiet)
        v.format = cli_docker_setting(c, "networksFormat");
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_network_ls(s, &q, &list, &c->e);
    if (r < 0)
        return r;
    r = networks_print(list, &v, &out, &c->e);
    return cli_print_end(c, r, list, &out);
}

const struct cmd cmd_network_ls = {
    .brief = "List networks",
    .usage = "[OPTIONS]",
    .example = "shale network ls --filter type=custom",
    .opts = ls_opts,
    .opts_size = sizeof(struct network_opts),
    .run = run_ls,
};

/* ---- rm ---- */

static const struct opt rm_opts[] = {
    {'f', "force", OPT_BOOL, O(force), NULL, "Do not error if the network does not exist"},
    {0},
};

static int run_rm(struct cli *c, const void *opts, int n, char **args)
{
    const struct network_opts *o = opts;
    return each_removed(c, shale_network_rm, o->force, n, args);
}

const struct cmd cmd_network_rm = {
    .brief = "Remove one or more networks",
    .usage = "[OPTIONS] NETWORK [NETWORK...]",
    .text = "A network that a running container is connected to stays.",
    .example = "shale network rm backend",
    .opts = rm_opts,
    .opts_size = sizeof(struct network_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run_rm,
};

/* ---- prune ---- */

static const struct opt prune_opts[] = {
    {0, "filter", OPT_FILTER, O(filter), NULL,
     "Provide filter values (e.g. \"until=<timestamp>\")"},
    {'f', "force", OPT_BOOL, O(force), NULL, "Do not prompt for confirmation"},
    {0},
};

static int run_prune(struct cli *c, const void *opts, int n, char **args)
{
    const struct network_opts *o = opts;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_network_prune_opts q = {.size = sizeof q,
                                         .filters = (const char *const *)o->filter.v};
    struct shale_network_pruned *res = NULL;
    struct shale *s;
    if (!o->force && !confirm("WARNING! This will remove all custom networks not used by at least "
                              "one container."))
        return 0;
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_network_prune(s, &q, &res, &c->e);
    if (r < 0 || !res)
        return r;
    pruned_put(&out, "Deleted Networks:", res->names, res->n_names);
    shale_free(res);
    return cli_print(c, &out);
}

const struct cmd cmd_network_prune = {
    .brief = "Remove all unused networks",
    .usage = "[OPTIONS]",
    .example = "shale network prune -f --filter until=24h",
    .opts = prune_opts,
    .opts_size = sizeof(struct network_opts),
    .run = run_prune,
};

/* ---- connect, disconnect ---- */

static const struct opt connect_opts[] = {
    {0, "alias", OPT_CSV, O(alias), NULL, "Add network-scoped alias for the container"},
    {0, "driver-opt", OPT_CSV, O(driver_opt), NULL, "Not supported yet", OPT_HIDDEN},
    {0, "gw-priority", OPT_INT, O(priority), NULL, "Not supported yet", OPT_HIDDEN},
    {0, "ip", OPT_STR, O(ip), NULL, "IPv4 address (e.g., \"172.30.100.104\")"},
    {0, "ip6", OPT_STR, O(ip6), NULL, "IPv6 address (e.g., \"2001:db8::33\")"},
    {0, "link", OPT_LIST, O(link), NULL, "Add link to another container"},
    {0, "link-local-ip", OPT_CSV, O(link_local), NULL, "Not supported", OPT_HIDDEN},
    {0},
};

static int run_connect(struct cli *c, const void *opts, int n, char **args)
{
    const struct network_opts *o = opts;
    struct shale_network_connect_opts q = {
        .size = sizeof q,
        .address = o->ip,
        .address6 = o->ip6,
        .aliases = o->alias.n ? (const char *const *)o->alias.v : NULL,
        .links = o->link.n ? (const char *const *)o->link.v : NULL};
    struct shale *s;
    if (o->link_local.n || o->driver_opt.n || o->priority)
        return err_set(
            &c->e, SHALE_UNSUPPORTED,
            "of the options of connect only --alias, --ip, --ip6 and --link are supported yet");
    int r = cli_open(c, &s);
    return r < 0 ? r : shale_network_connect(s, args[0], args[1], &q, &c->e);
}

const struct cmd cmd_network_connect = {
    .brief = "Connect a container to a network",
    .usage = "[OPTIONS] NETWORK CONTAINER",
    .example = "shale network connect --alias db backend postgres",
    .opts = connect_opts,
    .opts_size = sizeof(struct network_opts),
    .min_args = 2,
    .max_args = 2,
    .run = run_connect,
};

static const struct opt disconnect_opts[] = {
    {'f', "force", OPT_BOOL, O(force), NULL, "Force the container to disconnect from a network"},
    {0},
};

static int run_disconnect(struct cli *c, const void *opts, int n, char **args)
{
    struct shale *s;
    int r = cli_open(c, &s);
    return r < 0 ? r : shale_network_disconnect(s, args[0], args[1], &c->e);
}

const struct cmd cmd_network_disconnect = {
    .brief = "Disconnect a container from a network",
    .usage = "[OPTIONS] NETWORK CONTAINER",
    .example = "shale network disconnect backend web",
    .opts = disconnect_opts,
    .opts_size = sizeof(struct network_opts),
    .min_args = 2,
    .max_args = 2,
    .run = run_disconnect,
};

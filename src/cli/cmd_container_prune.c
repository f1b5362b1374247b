/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/life.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/pruned.h"

struct prune_opts {
    bool force;
    struct strv filter;
};

#define O(field) offsetof(struct prune_opts, field)
static const struct opt opts[] = {
    {0, "filter", OPT_FILTER, O(filter), NULL,
     "Provide filter values (e.g. \"until=<timestamp>\")"},
    {'f', "force", OPT_BOOL, O(force), NULL, "Do not prompt for confirmation"},
    {0},
};

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct prune_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_container_prune_opts q = {.size = sizeof q,
                                           .filters = (const char *const *)o->filter.v};
    struct shale_container_pruned *res = NULL;
    struct shale *s;
    if (!o->force && !confirm("WARNING! This will remove all stopped containers."))
        return 0;
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_container_prune(s, &q, &res, &c->e);
    if (r < 0 || !res)
        return r;
    pruned_put(&out, "Deleted Containers:", res->ids, res->n_ids);
    pruned_put_total(&out, res->freed_bytes);
    shale_free(res);
    return cli_print(c, &out);
}

const struct cmd cmd_container_prune = {
    .brief = "Remove all stopped containers",
    .usage = "[OPTIONS]",
    .example = "shale container prune -f\n"
               "shale container prune --filter until=24h --filter 'label!=keep'",
    .opts = opts,
    .opts_size = sizeof(struct prune_opts),
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/update.h>

#include "cli/each.h"
#include "cli/limits.h"

#define N_PARALLEL 8

struct update_opts {
    struct limits_cli limits;
    int64_t memory, cpus, pids_limit;
    const char *restart;
};

#define O(field) offsetof(struct update_opts, field)
static const struct opt opts[] = {
    LIMITS_CPU(O(limits)),
    {0, "cpus", OPT_DECIMAL, O(cpus), NULL, "Number of CPUs"},
    LIMITS_CPUSET(O(limits)),
    {'m', "memory", OPT_BYTES, O(memory), NULL, "Memory limit"},
    LIMITS_MEMORY(O(limits)),
    {0, "pids-limit", OPT_INT, O(pids_limit), NULL,
     "Tune container pids limit (set -1 for unlimited)"},
    {0, "restart", OPT_STR, O(restart), NULL, "Restart policy to apply when a container exits"},
    {0},
};

static int update_one(struct shale *s, const void *opts_, const char *name, struct buf *out,
                      struct shale_err *e)
{
    int r = shale_update(s, name, opts_, e);
    if (r == 0)
        buf_addf(out, "%s\n", name);
    return r;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct update_opts *o = opts_;
    struct shale_update_opts q = {.size = sizeof q,
                                  .memory_bytes = o->memory,
                                  .nano_cpus = o->cpus,
                                  .pids_limit = o->pids_limit,
                                  .restart = o->restart};
    bool any = false;
    for (size_t i = 0; opts[i].name; i++)
        any |= cli_seen(c, opts[i].name);
    if (!any)
        return err_set(&c->e, SHALE_INVALID,
                       "you must provide one or more flags when using this command");
    int r = limits_take(c, &o->limits, &q.more);
    return r != 0 ? r : each_container(c, update_one, &q, n, args, N_PARALLEL, 0);
}

const struct cmd cmd_update = {
    .brief = "Update configuration of one or more containers",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .text = "Limits of a running container change at once; those of a stopped one count from its\n"
            "next start.",
    .example = "shale update --memory 512m --cpus 1.5 web\n"
               "shale update --restart unless-stopped web db",
    .opts = opts,
    .opts_size = sizeof(struct update_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};

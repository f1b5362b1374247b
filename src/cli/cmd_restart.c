/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/life.h>

#include "cli/each.h"

#define N_PARALLEL 50 /* as stop */

struct restart_opts {
    const char *signal;
    int64_t timeout_s;
};
static const struct restart_opts preset = {.timeout_s = -1};

#define O(field) offsetof(struct restart_opts, field)
static const struct opt opts[] = {
    {'s', "signal", OPT_STR, O(signal), NULL, "Signal to send to the container"},
    {0, "time", OPT_INT, O(timeout_s), NULL, "The same as --timeout", OPT_HIDDEN},
    {'t', "timeout", OPT_INT, O(timeout_s), NULL, "Seconds to wait before killing the container"},
    {0},
};

static int restart_one(struct shale *s, const void *opts_, const char *name, struct buf *out,
                       struct shale_err *e)
{
    const struct restart_opts *o = opts_;
    int r = shale_restart(s, name, o->signal, o->timeout_s, e);
    if (r == 0)
        buf_addf(out, "%s\n", name);
    return r;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    return each_container(c, restart_one, opts_, n, args, N_PARALLEL, 0);
}

const struct cmd cmd_restart = {
    .brief = "Restart one or more containers",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .example = "shale restart web\n"
               "shale restart -t 2 web db",
    .opts = opts,
    .opts_size = sizeof(struct restart_opts),
    .preset = &preset,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};

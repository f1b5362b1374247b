/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/container.h>

#include "cli/each.h"

struct kill_opts {
    const char *signal;
};
static const struct kill_opts preset = {.signal = "KILL"};

static const struct opt opts[] = {
    {'s', "signal", OPT_STR, offsetof(struct kill_opts, signal), NULL,
     "Signal to send to the container"},
    {0},
};

static int kill_one(struct shale *s, const void *opts_, const char *name, struct buf *out,
                    struct shale_err *e)
{
    const struct kill_opts *o = opts_;
    int r = shale_kill(s, name, o->signal, e);
    if (r == 0)
        buf_addf(out, "%s\n", name);
    return r;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    return each_container(c, kill_one, opts_, n, args, 1, 0);
}

const struct cmd cmd_kill = {
    .brief = "Kill one or more running containers",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .example = "shale kill web\n"
               "shale kill -s HUP web",
    .opts = opts,
    .opts_size = sizeof(struct kill_opts),
    .preset = &preset,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};

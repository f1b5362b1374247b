/* SPDX-License-Identifier: Apache-2.0 */
/* pause and unpause. */
#include <shale/life.h>

#include "cli/each.h"

#define N_PARALLEL 8

static int pause_one(struct shale *s, const void *opts, const char *name, struct buf *out,
                     struct shale_err *e)
{
    int r = shale_pause(s, name, e);
    if (r == 0)
        buf_addf(out, "%s\n", name);
    return r;
}

static int unpause_one(struct shale *s, const void *opts, const char *name, struct buf *out,
                       struct shale_err *e)
{
    int r = shale_unpause(s, name, e);
    if (r == 0)
        buf_addf(out, "%s\n", name);
    return r;
}

static int run_pause(struct cli *c, const void *opts, int n, char **args)
{
    return each_container(c, pause_one, opts, n, args, N_PARALLEL, 0);
}

static int run_unpause(struct cli *c, const void *opts, int n, char **args)
{
    return each_container(c, unpause_one, opts, n, args, N_PARALLEL, 0);
}

const struct cmd cmd_pause = {
    .brief = "Pause all processes within one or more containers",
    .usage = "CONTAINER [CONTAINER...]",
    .example = "shale pause web",
    .min_args = 1,
    .max_args = -1,
    .run = run_pause,
};
const struct cmd cmd_unpause = {
    .brief = "Unpause all processes within one or more containers",
    .usage = "CONTAINER [CONTAINER...]",
    .example = "shale unpause web",
    .min_args = 1,
    .max_args = -1,
    .run = run_unpause,
};

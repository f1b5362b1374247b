/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/container.h>

#include "cli/each.h"

static int wait_one(struct shale *s, const void *opts, const char *name, struct buf *out,
                    struct shale_err *e)
{
    int status, r = shale_wait(s, name, &status, e);
    if (r == 0)
        buf_addf(out, "%d\n", status);
    return r;
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    return each_container(c, wait_one, opts, n, args, 1, 0);
}

const struct cmd cmd_wait = {
    .brief = "Block until one or more containers stop, then print their exit codes",
    .usage = "CONTAINER [CONTAINER...]",
    .example = "shale wait job",
    .min_args = 1,
    .max_args = -1,
    .run = run,
};

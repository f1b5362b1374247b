/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/life.h>

#include "cli/cli.h"

static int run(struct cli *c, const void *opts, int n, char **args)
{
    struct shale *s;
    int r = cli_open(c, &s);
    return r < 0 ? r : shale_rename(s, args[0], args[1], &c->e);
}

const struct cmd cmd_rename = {
    .brief = "Rename a container",
    .usage = "CONTAINER NEW_NAME",
    .example = "shale rename web web-old",
    .min_args = 2,
    .max_args = 2,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Hidden: what conmon calls when a container has ended. */
#include <shale/container.h>

#include "cli/cli.h"

static int run(struct cli *c, const void *opts, int n, char **args)
{
    struct shale *s;
    int r = cli_open(c, &s);
    return r < 0 ? r : shale_container_cleanup(s, args[0], &c->e);
}

const struct cmd cmd_cleanup = {
    .brief = "Clear up after a container",
    .usage = "CONTAINER",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create.h"
#include "cli/exit.h"

static int run(struct cli *c, const void *opts, int n, char **args)
{
    const struct create_cli *o = opts;
    struct shale_created *made = NULL;
    c->fail_status = EXIT_USAGE;
    int r = create_check(c, o);
    if (r == 0)
        r = create_container(c, o, false, n, args, &made);
    if (r < 0 || !made)
        return r;
    r = cli_printf(c, "%s\n", made->id);
    shale_free(made);
    return r;
}

const struct cmd cmd_create = {
    .brief = "Create a new container",
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .example = "shale create --name web -e PORT=8080 --network host registry.example.com/web:1\n"
               "shale start web",
    .opts = create_options,
    .opts_size = sizeof(struct create_cli),
    .preset = &create_preset,
    .min_args = 1,
    .max_args = -1,
    .flags = CMD_OPTS_FIRST | CMD_HINT,
    .run = run,
};

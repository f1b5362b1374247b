/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/flat.h>
#include <unistd.h>

#include "cli/cli.h"

struct export_opts {
    const char *output;
};

#define O(field) offsetof(struct export_opts, field)
static const struct opt opts[] = {
    {'o', "output", OPT_STR, O(output), NULL, "Write to a file, instead of STDOUT"},
    {0},
};

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct export_opts *o = opts_;
    struct shale *s;

    if (!o->output && cli_is_terminal())
        return err_set(&c->e, SHALE_INVALID,
                       "cowardly refusing to save to a terminal. Use the -o flag or redirect");
    int r = cli_open(c, &s);
    if (r < 0)
        return r;
    struct shale_export_opts q = {.size = sizeof q, .output = o->output, .fd = STDOUT_FILENO};
    r = shale_export(s, args[0], &q, &c->e);
    return r < 0 ? r : 0;
}

const struct cmd cmd_export = {
    .brief = "Export a container's filesystem as a tar archive",
    .usage = "[OPTIONS] CONTAINER",
    .text = "All files that the container sees, running or not; volumes and mounts are not part of "
            "it.\n"
            "A file that is named with -o is replaced only when the tar is whole.",
    .example = "shale export -o job.tar job\n"
               "shale export job | shale import - job:flat",
    .opts = opts,
    .opts_size = sizeof(struct export_opts),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* manifest inspect; the commands that make lists are in cmd_manifest_list.c. */
#include <shale/manifest.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "view/manifest.h"

struct inspect_opts {
    bool insecure, verbose;
};

#define O(field) offsetof(struct inspect_opts, field)
static const struct opt inspect_opts[] = {
    {0, "insecure", OPT_BOOL, O(insecure), NULL, "Allow communication with an insecure registry"},
    {'v', "verbose", OPT_BOOL, O(verbose), NULL,
     "Output additional info including layers and platform"},
    {0},
};
#undef O

static int from_registry(struct cli *c, struct shale *s, const char *ref, bool verbose,
                         struct buf *out)
{
    struct shale_manifest *m = NULL;
    struct shale_list *l = NULL;
    int r =
        verbose ? shale_manifest_members(s, ref, &l, &c->e) : shale_manifest_get(s, ref, &m, &c->e);

    if (r >= 0)
        r = verbose ? manifest_print_list(l, true, cli_is_terminal(), out, &c->e)
                    : manifest_print(m, cli_is_terminal(), out, &c->e);
    shale_free(l);
    shale_free(m);
    return r;
}

/* A list that is put together here comes before what the registry has under its name. */
static int run_inspect(struct cli *c, const void *opts, int n, char **args)
{
    const struct inspect_opts *o = opts;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_list *l = NULL;
    struct shale *s;

    c->insecure = o->insecure;
    int r = cli_open(c, &s);
    if (r < 0)
        return r;
    r = shale_list_get(s, args[0], n > 1 ? args[1] : NULL, &l, &c->e);
    if (r >= 0)
        r = manifest_print_list(l, o->verbose, cli_is_terminal(), &out, &c->e);
    else if (r == -SHALE_NOT_FOUND && n == 1)
        r = from_registry(c, s, args[0], o->verbose, &out);
    shale_free(l);
    if (r >= 0)
        r = cli_print(c, &out);
    return r < 0 ? r : 0;
}

const struct cmd cmd_manifest_inspect = {
    .brief = "Display an image manifest, or manifest list",
    .usage = "[OPTIONS] [MANIFEST_LIST] MANIFEST",
    .text =
        "A list that manifest create has begun here is shown as it would be pushed, and with two\n"
        "names one manifest of it. All else is read from the registry; nothing is pulled.",
    .example = "shale manifest inspect alpine:3.20\n"
               "shale manifest inspect -v registry.example.com/app:1",
    .opts = inspect_opts,
    .opts_size = sizeof(struct inspect_opts),
    .min_args = 1,
    .max_args = 2,
    .flags = CMD_ONLINE,
    .run = run_inspect,
};

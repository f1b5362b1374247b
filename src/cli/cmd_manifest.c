/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/manifest.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "view/manifest.h"

struct manifest_opts {
    bool insecure;
};

static const struct opt inspect_opts[] = {
    {0, "insecure", OPT_BOOL, offsetof(struct manifest_opts, insecure), NULL,
     "Allow communication with an insecure registry (see --insecure-registry)", OPT_HIDDEN},
    {0},
};

static int run_inspect(struct cli *c, const void *opts, int n, char **args)
{
    const struct manifest_opts *o = opts;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_manifest *m = NULL;
    struct shale *s;

    (void)n;
    if (o->insecure)
        return err_set(&c->e, SHALE_UNSUPPORTED,
                       "--insecure is not supported yet: use shale --insecure-registry HOST "
                       "manifest inspect");
    int r = cli_open(c, &s);
    if (r >= 0)
        r = shale_manifest_get(s, args[0], &m, &c->e);
    if (r < 0)
        return r;
    r = manifest_print(m, cli_is_terminal(), &out, &c->e);
    if (r >= 0)
        r = cli_print(c, &out);
    shale_free(m);
    return r < 0 ? r : 0;
}

const struct cmd cmd_manifest_inspect = {
    .brief = "Display an image manifest, or manifest list",
    .usage = "[OPTIONS] MANIFEST",
    .text = "It is read from the registry; nothing is pulled.",
    .example = "shale manifest inspect alpine:3.20",
    .opts = inspect_opts,
    .opts_size = sizeof(struct manifest_opts),
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_ONLINE,
    .run = run_inspect,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/image.h>

#include "base/cleanup.h"
#include "cli/cli.h"

struct digest_opts {
    const char *platform;
};

static const struct opt opts[] = {
    {0, "platform", OPT_STR, offsetof(struct digest_opts, platform), NULL,
     "Digest of this entry of a list: os/arch[/variant]"},
    {0},
};

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct digest_opts *o = opts_;
    struct shale *s;
    int failed = 0, r = cli_open(c, &s);
    if (r < 0)
        return r;
    for (int i = 0; i < n; i++) {
        char *digest = NULL;
        r = shale_digest(s, args[i], o->platform, &digest, &c->e);
        if (r == 0)
            r = cli_printf(c, "%s\n", digest);
        shale_free(digest);
        if (r == -SHALE_CANCELED || (r < 0 && n == 1))
            return r;
        if (r < 0) {
            cli_warn_error(&c->e);
            failed = 1;
        }
    }
    return failed;
}

const struct cmd cmd_digest = {
    .brief = "Print the digest that a registry holds for an image",
    .usage = "[OPTIONS] NAME[:TAG] [NAME...]",
    .text = "Nothing is pulled.",
    .example = "shale digest alpine:3.20\n"
               "shale digest --platform linux/arm64 alpine",
    .opts = opts,
    .opts_size = sizeof(struct digest_opts),
    .min_args = 1,
    .max_args = -1,
    .flags = CMD_ONLINE,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/remote.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "view/remote.h"

struct digest_opts {
    const char *format, *platform;
};

static const struct opt opts[] = {
    {0, "format", OPT_STR, offsetof(struct digest_opts, format), NULL,
     "Format output using a custom template:\n"
     "'table':            Print output in table format with column headers\n"
     "'table TEMPLATE':   Print output in table format using the given Go template\n"
     "'json':             Print in JSON format\n"
     "'TEMPLATE':         Print output using the given Go template"},
    {0, "platform", OPT_STR, offsetof(struct digest_opts, platform), NULL,
     "Digest of this entry of a list: os/arch[/variant]"},
    {0},
};

/* All are tried; what failed is told after what is known. */
static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct digest_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_resolve_opts q = {.size = sizeof q, .platform = o->platform};
    struct remote_view_opts v = {.format = o->format, .printable = cli_is_terminal()};
    struct shale_resolved_list *l = NULL;
    struct shale *s;
    int failed = 0, r = cli_open(c, &s);

    if (r >= 0)
        r = shale_remote_resolve(s, (const char *const *)args, (size_t)n, &q, &l, &c->e);
    if (r < 0)
        return r;
    r = resolved_print(l, &v, &out, &c->e);
    if (r >= 0)
        r = cli_print(c, &out);
    for (size_t i = 0; r >= 0 && i < l->n_items; i++)
        failed |= cli_warn_problem(l->items[i].code, l->items[i].problem);
    shale_free(l);
    return r < 0 ? r : failed;
}

const struct cmd cmd_digest = {
    .brief = "Print the digest that a registry holds for an image",
    .usage = "[OPTIONS] NAME[:TAG|:PATTERN] [NAME...]",
    .text =
        "Nothing is pulled. Registries are asked for several names at once. A pattern has *, ?\n"
        "and [a-z], and stands for all tags of the repository that match.",
    .example = "shale digest alpine:3.20\n"
               "shale digest --platform linux/arm64 alpine\n"
               "shale digest --format '{{.Name}} {{.Digest}}' 'registry.example.com/app:1.*'",
    .opts = opts,
    .opts_size = sizeof(struct digest_opts),
    .min_args = 1,
    .max_args = -1,
    .flags = CMD_ONLINE,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/image.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cli.h"
#include "view/transfers.h"

struct list_opts {
    const char *format;
    bool no_trunc, quiet;
};

#define O(field) offsetof(struct list_opts, field)
static const struct opt list_opts[] = {
    {0, "format", OPT_STR, O(format), NULL,
     "Format output using a custom template: 'table', 'table\nTEMPLATE', 'json' or 'TEMPLATE'"},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate output"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only show digests"},
    {0},
};

static int list(struct cli *c, const void *opts_, int n, char **args)
{
    const struct list_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_transfer_list *l = NULL;
    struct transfers_opts v = {
        .format = o->format,
        .no_trunc = o->no_trunc,
        .quiet = o->quiet,
        .printable = cli_is_terminal(),
        .now_ns = time_now_ns(),
    };
    struct shale *s;
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_pulls(s, &l, &c->e);
    if (r < 0)
        return r;
    r = transfers_print(l, &v, &out, &c->e);
    return cli_print_end(c, r, l, &out);
}

static int remove_all(struct cli *c, const void *opts_, int n, char **args)
{
    struct shale *s;
    int failed = 0, r = cli_open(c, &s);
    if (r < 0)
        return r;
    for (int i = 0; i < n; i++) {
        uint64_t count = 0;
        r = shale_pulls_remove(s, args[i], &count, &c->e);
        if (r == 0)
            r = cli_printf(c, "%s: %llu removed\n", args[i], (unsigned long long)count);
        if (r == -SHALE_CANCELED || (r < 0 && n == 1))
            return r;
        if (r < 0) {
            cli_warn_error(&c->e);
            failed = 1;
        }
    }
    return failed;
}

const struct cmd cmd_pulls_ls = {
    .brief = "List downloads in flight and interrupted ones",
    .usage = "[OPTIONS]",
    .example = "shale pulls ls",
    .opts = list_opts,
    .opts_size = sizeof(struct list_opts),
    .run = list,
};
const struct cmd cmd_pulls_rm = {
    .brief = "Drop what interrupted downloads have left",
    .usage = "DIGEST|all [DIGEST...]",
    .text = "\"all\" drops every download that no process is working on.",
    .example = "shale pulls rm sha256:4bcff63911fc\n"
               "shale pulls rm all",
    .min_args = 1,
    .max_args = -1,
    .run = remove_all,
};

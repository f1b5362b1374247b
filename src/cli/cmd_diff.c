/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/changes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"

static int run(struct cli *c, const void *opts, int n, char **args)
{
    static const char kinds[] = {[SHALE_CHANGED] = 'C', [SHALE_ADDED] = 'A', [SHALE_GONE] = 'D'};
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_change_list *l = NULL;
    struct shale *s;
    char shown[4 * 4096 + 1]; /* a path, every byte of it as \xNN */
    bool printable = cli_is_terminal();
    int r = cli_open(c, &s);

    if (r == 0)
        r = shale_diff(s, args[0], &l, &c->e);
    if (r < 0)
        return r;
    for (size_t i = 0; l && i < l->n_items; i++) {
        const struct shale_change *x = &l->items[i];
        buf_addf(&out, "%c %s\n", kinds[x->kind],
                 printable ? str_printable(shown, sizeof shown, x->path) : x->path);
    }
    shale_free(l);
    return cli_print(c, &out);
}

const struct cmd cmd_diff = {
    .brief = "Inspect changes to files or directories on a container's filesystem",
    .usage = "CONTAINER",
    .text =
        "A line a path: A was added, C has changed, D was deleted. A directory in which something\n"
        "has changed has changed, too.",
    .example = "shale diff job",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};

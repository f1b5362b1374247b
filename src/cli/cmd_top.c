/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/life.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "view/text.h"

#define MIN_WIDTH 20 /* docker's table for this command */
#define PADDING   3

static size_t width_of(const struct shale_top *t, size_t column)
{
    size_t w = strlen(t->titles[column]);
    for (size_t i = 0; i < t->n_rows; i++)
        if (strlen(t->rows[i][column]) > w)
            w = strlen(t->rows[i][column]);
    return w + PADDING < MIN_WIDTH ? MIN_WIDTH : w + PADDING;
}

static void add_row(const struct shale_top *t, const char *const *row, struct buf *out)
{
    for (size_t i = 0; i < t->n_titles; i++) {
        size_t from = out->n;
        text_escape(out, str_of(row[i]));
        for (size_t w = width_of(t, i); i + 1 < t->n_titles && out->n - from < w;)
            buf_addc(out, ' ');
    }
    buf_addc(out, '\n');
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_top *t = NULL;
    struct shale *s;
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_top(s, args[0], n > 1 ? (const char *const *)args + 1 : NULL, &t, &c->e);
    if (r < 0 || !t)
        return r;
    add_row(t, t->titles, &out);
    for (size_t i = 0; i < t->n_rows; i++)
        add_row(t, t->rows[i], &out);
    shale_free(t);
    return cli_print(c, &out);
}

const struct cmd cmd_top = {
    .brief = "Display the running processes of a container",
    .usage = "CONTAINER [ps OPTIONS]",
    .example = "shale top web\n"
               "shale top web -o pid,user,args",
    .min_args = 1,
    .max_args = -1,
    .flags = CMD_OPTS_FIRST,
    .run = run,
};

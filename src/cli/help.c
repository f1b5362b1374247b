/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include "base/cleanup.h"
#include "base/opts.h"
#include "base/str.h"

#define NAME_WIDTH 12

static void add_group(const struct cmd_name *table, enum cmd_group group, const char *title,
                      struct buf *b)
{
    bool any = false;
    for (const struct cmd_name *n = table; n->name; n++) {
        if (n->group != group)
            continue;
        if (!any)
            buf_addf(b, "\n%s:\n", title);
        any = true;
        buf_addf(b, "  %-*s%s\n", NAME_WIDTH, n->name, n->cmd->brief);
    }
}

void help_top(struct buf *b)
{
    buf_adds(b, "Usage:  shale [OPTIONS] COMMAND\n\n"
                "Container images for Linux: pull, store, look into and run them\n");
    add_group(cmd_table, CMD_COMMON, "Common Commands", b);
    add_group(cmd_table, CMD_MANAGEMENT, "Management Commands", b);
    add_group(cmd_table, CMD_OTHER, "Commands", b);
    buf_adds(b, "\nGlobal Options:\n");
    opts_help(cmd_global_opts, b);
    buf_adds(b, "\nRun 'shale COMMAND --help' for more information on a command.\n");
}

void help_usage(const char *path, const struct cmd *cmd, struct buf *b)
{
    buf_adds(b, path);
    if (cmd->sub)
        buf_adds(b, " COMMAND");
    else if (cmd->usage && *cmd->usage)
        buf_addf(b, " %s", cmd->usage);
}

struct names {
    const struct cmd *cmd;
    struct buf *b;
    size_t n;
};

static void add_name(struct names *x, const char *path)
{
    buf_addf(x->b, "%s%s", x->n++ ? ", " : "", path);
}

static int on_command(void *arg, const char *path, const struct cmd_name *n)
{
    struct names *x = arg;
    if (n->cmd != x->cmd)
        return 0;
    add_name(x, path);
    if (n->alias) {
        buf_adds(x->b, ", ");
        buf_add(x->b, path, (size_t)(strrchr(path, ' ') - path) + 1);
        buf_adds(x->b, n->alias);
        x->n++;
    }
    return 0;
}

void help_names(const struct cmd *cmd, struct buf *b)
{
    struct names x = {cmd, b, 0};
    cmd_each(on_command, &x);
}

static void add_lines(struct buf *b, const char *text, const char *indent)
{
    struct str rest = str_of(text), line;
    while (str_split(&rest, '\n', &line))
        buf_addf(b, "%s%.*s\n", indent, (int)line.n, line.p);
}

void help_command(const char *path, const struct cmd *cmd, struct buf *b)
{
    struct buf names = BUF_INIT(4096);
    buf_adds(b, "Usage:  ");
    help_usage(path, cmd, b);
    buf_addf(b, "\n\n%s\n", cmd->brief);
    if (cmd->text)
        buf_addf(b, "\n%s\n", cmd->text);
    help_names(cmd, &names);
    if (strchr(buf_str(&names), ','))
        buf_addf(b, "\nAliases:\n  %s\n", buf_str(&names));
    buf_clear(&names);
    if (cmd->sub)
        add_group(cmd->sub, CMD_OTHER, "Commands", b);
    if (opts_count(cmd->opts)) {
        buf_adds(b, "\nOptions:\n");
        opts_help(cmd->opts, b);
    }
    if (cmd->example) {
        buf_adds(b, "\nExamples:\n");
        add_lines(b, cmd->example, "  ");
    }
    if (cmd->sub)
        buf_addf(b, "\nRun '%s COMMAND --help' for more information on a command.\n", path);
}

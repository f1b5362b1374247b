/* SPDX-License-Identifier: Apache-2.0 */
/* Hidden: man pages (troff) from the command tables. `__man` lists the pages, `__man shale-pull`
 * prints one. */
#include <shale/daemon.h>
#include <shale/registry_admin.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/help.h"

#define MAX_NAME 80

/* Text as troff takes it: no line begins with a control character, backslashes stay. */
static void add_text(struct buf *b, const char *text)
{
    bool begin = true;
    for (const char *c = text; *c; c++) {
        if (begin && (*c == '.' || *c == '\''))
            buf_adds(b, "\\&");
        if (*c == '\\')
            buf_adds(b, "\\e");
        else if (*c == '-')
            buf_adds(b, "\\-");
        else
            buf_addc(b, *c);
        begin = *c == '\n';
    }
}

static void add_block(struct buf *b, const char *title, const char *text)
{
    buf_addf(b, ".SH %s\n.nf\n", title);
    add_text(b, text);
    buf_adds(b, str_has_suffix(text, "\n") ? ".fi\n" : "\n.fi\n");
}

static void add_options(struct buf *b, const struct opt *table)
{
    struct buf lines = BUF_INIT(HELP_MAX);
    opts_help(table, &lines);
    add_block(b, "OPTIONS", buf_str(&lines));
    buf_clear(&lines);
}

/* "shale image ls" is the page shale-image-ls(1). */
static void page_name(const char *path, char ret[MAX_NAME])
{
    snprintf(ret, MAX_NAME, "%s", path);
    for (char *c = ret; *c; c++)
        *c = *c == ' ' ? '-' : *c;
}

static void add_header(struct buf *b, const char *name, const char *brief)
{
    buf_addf(b, ".TH \"%s\" 1 \"\" \"shale %s\" \"shale\"\n.nh\n.SH NAME\n", name, shale_version());
    add_text(b, name);
    buf_adds(b, " \\- ");
    add_text(b, brief);
    buf_addc(b, '\n');
}

static void add_table(struct buf *b, const char *prefix, const struct cmd_name *table)
{
    buf_adds(b, ".SH COMMANDS\n");
    for (const struct cmd_name *n = table; n->name; n++) {
        if (n->group == CMD_HIDDEN)
            continue;
        buf_addf(b, ".TP\n.B %s\n", n->name);
        add_text(b, n->cmd->brief);
        buf_addf(b, "; see\n.BR %s\\-%s (1)\n", prefix, n->name);
    }
}

static void add_page(struct buf *b, const char *path, const struct cmd *cmd)
{
    char name[MAX_NAME];
    struct buf text = BUF_INIT(HELP_MAX);
    page_name(path, name);
    add_header(b, name, cmd->brief);
    help_usage(path, cmd, &text);
    add_block(b, "SYNOPSIS", buf_str(&text));
    if (cmd->text)
        add_block(b, "DESCRIPTION", cmd->text);
    if (cmd->sub)
        add_table(b, name, cmd->sub);
    if (opts_count(cmd->opts))
        add_options(b, cmd->opts);
    if (cmd->example)
        add_block(b, "EXAMPLES", cmd->example);
    buf_reset(&text);
    help_names(cmd, &text);
    if (strchr(buf_str(&text), ','))
        add_block(b, "ALIASES", buf_str(&text));
    buf_adds(b, ".SH SEE ALSO\n.BR shale (1)\n");
    buf_clear(&text);
}

static void add_top(struct buf *b)
{
    add_header(b, "shale", "container images: pull, store, look into and run them");
    add_block(b, "SYNOPSIS", "shale [OPTIONS] COMMAND");
    add_table(b, "shale", cmd_table);
    add_options(b, cmd_global_opts);
    add_block(
        b, "ENVIRONMENT",
        "SHALE_ROOT               folder of the store\n"
        "DOCKER_CONFIG            folder of config.json and credentials (default ~/.docker)\n"
        "DOCKER_DEFAULT_PLATFORM  platform of pull, run and create\n"
        "HTTP_PROXY, HTTPS_PROXY, NO_PROXY  proxies\n"
        "NO_COLOR                 no colours\n"
        "SHALE_RETRIES            attempts after the first that fails (default 5)\n"
        "SHALE_CONNECT_TIMEOUT    seconds for a connection to come about (default 30)\n"
        "SHALE_STALL_TIMEOUT      seconds without a byte before a transfer is taken up anew "
        "(default 60)\n"
        "SHALE_HELPER_TIMEOUT     seconds for a credential helper (default 30)\n"
        "SHALE_MAX_INFLATE_RATIO  layers above 256 MiB that inflate to more than so many "
        "times their size\n"
        "                         are refused as bombs (default 200)\n"
        "SHALE_BUILD_CACHE_LIMIT  layers that only the cache of builds has are kept up to this "
        "size (default 20g)");
    add_block(b, "EXIT STATUS",
              "0    success\n"
              "1    failure\n"
              "64   the template of inspect --format does not parse\n"
              "125  a wrong option; of run: shale failed\n"
              "126  of run and exec: the command cannot be executed\n"
              "127  of run and exec: there is no such command\n"
              "128+N  ended by signal N; of run, exec, start -a: what the command ended with");
}

struct search {
    struct buf *b;
    const char *want; /* NULL: list the names */
    bool found;
};

static int on_command(void *arg, const char *path, const struct cmd_name *n)
{
    struct search *x = arg;
    char name[MAX_NAME];
    page_name(path, name);
    if (!x->want) {
        buf_addf(x->b, "%s\n", name);
    } else if (streq(name, x->want) && !x->found) {
        add_page(x->b, path, n->cmd);
        x->found = true;
    }
    return 0;
}

/* registry.conf(5), which is in no list: it is no command. */
static int config_page(struct cli *c, struct buf *b)
{
    char *text = NULL;
    int r = shale_registry_config_man(&text, &c->e);
    if (r < 0)
        return r;
    buf_adds(b, text);
    shale_free(text);
    return cli_print(c, b);
}

static void put_text(void *arg, const char *text)
{
    buf_adds(arg, text);
}

static int daemon_page(struct cli *c, struct buf *b)
{
    int r = shale_daemon_config_man(put_text, b, &c->e);
    return r < 0 ? r : cli_print(c, b);
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(HELP_MAX);
    struct search x = {&b, n ? args[0] : NULL, n == 0};
    if (n && streq(args[0], "registry.conf"))
        return config_page(c, &b);
    if (n && streq(args[0], "shale-daemon.json"))
        return daemon_page(c, &b);
    if (n && streq(args[0], "shale")) {
        add_top(&b);
        x.found = true;
    } else {
        if (n == 0)
            buf_adds(&b, "shale\n");
        cmd_each(on_command, &x);
    }
    if (!x.found)
        return err_set(&c->e, SHALE_NOT_FOUND, "there is no page %.80s", args[0]);
    return cli_print(c, &b);
}

const struct cmd cmd_man = {
    .brief = "Print a man page",
    .usage = "[NAME]",
    .max_args = 1,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/sys.h"
#include "cli/exit.h"
#include "cli/help.h"
#include "cli/rootless.h"
#include "cli/signals.h"

#define MAX_ARENA        (64u << 20)
#define MAX_SUGGESTIONS  3
#define SUGGEST_DISTANCE 2
#define STATUS_PIPE      (128 + 13)

/* ---- output ---- */

static int write_out(struct cli *c, const void *p, size_t n)
{
    if (n == 0 || sys_write_all(STDOUT_FILENO, p, n) == 0)
        return 0;
    if (errno == EPIPE)
        _exit(STATUS_PIPE);
    return err_sys(&c->e, "write standard output");
}

int cli_print(struct cli *c, struct buf *b)
{
    int r = buf_check(b, &c->e);
    if (r == 0)
        r = write_out(c, b->p, b->n);
    buf_reset(b);
    return r;
}

int cli_print_end(struct cli *c, int r, void *list, struct buf *b)
{
    if (r == 0)
        r = cli_print(c, b);
    shale_free(list);
    return r;
}

int cli_printf(struct cli *c, const char *fmt, ...)
{
    struct buf b = BUF_INIT(CLI_MAX_OUTPUT);
    va_list ap;
    va_start(ap, fmt);
    buf_addv(&b, fmt, ap);
    va_end(ap);
    int r = cli_print(c, &b);
    buf_clear(&b);
    return r;
}

void cli_warn_error(const struct shale_err *e)
{
    exit_print_error(e);
}

int cli_warn_problem(int code, const char *problem)
{
    struct shale_err e = SHALE_ERR_INIT;

    if (!code)
        return 0;
    (void)err_set(&e, code, "%s", problem);
    cli_warn_error(&e);
    return 1;
}

bool cli_is_terminal(void)
{
    return isatty(STDOUT_FILENO) == 1;
}

unsigned cli_columns(void)
{
    struct winsize w = {0};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

/* ---- the engine ---- */

static void on_debug(void *arg, const char *msg)
{
    (void)arg;
    fprintf(stderr, "debug: %s\n", msg);
}

int cli_open(struct cli *c, struct shale **ret)
{
    struct shale_open_opts o = {
        .size = sizeof o,
        .root = c->global.root,
        .storage_driver = c->global.storage_driver,
        .runtime = c->global.runtime,
        .config_dir = c->global.config,
        .certs_dir = c->global.certs_dir,
        .insecure_registries = (const char *const *)c->global.insecure.v,
        .registry_mirrors = (const char *const *)c->global.mirrors.v,
        .any_insecure = c->insecure,
        .on_debug = c->global.debug ? on_debug : NULL,
        .online = c->cmd && (c->cmd->flags & CMD_ONLINE),
    };
    if (!c->engine) {
        int r = rootless_enter(&c->e);
        if (r == -SHALE_UNSUPPORTED) /* images can be worked with all the same */
            r = 0;
        if (r >= 0)
            r = shale_open(&o, &c->engine, &c->e);
        if (r < 0)
            return r;
        signals_watch(c->engine);
    }
    *ret = c->engine;
    return 0;
}

/* ---- wrong use ---- */

static void print_usage(struct cli *c, const char *verb)
{
    struct buf b = BUF_INIT(HELP_MAX);
    help_usage(c->path, c->cmd, &b);
    fprintf(stderr, "\nUsage:  %s\n\n%s '%s --help' for more information\n", buf_str(&b), verb,
            c->path);
    buf_clear(&b);
}

int cli_usage_error(struct cli *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    print_usage(c, "Run");
    return EXIT_USAGE;
}

static int wrong_count(struct cli *c, int n)
{
    const struct cmd *cmd = c->cmd;
    const char *s = cmd->min_args == 1 ? "" : "s";
    if (cmd->max_args == 0)
        fprintf(stderr, "shale: '%s' accepts no arguments\n", c->path);
    else if (cmd->min_args == cmd->max_args)
        fprintf(stderr, "shale: '%s' requires %d argument%s\n", c->path, cmd->min_args, s);
    else if (n < cmd->min_args && cmd->max_args < 0)
        fprintf(stderr, "shale: '%s' requires at least %d argument%s\n", c->path, cmd->min_args, s);
    else if (cmd->min_args == 0)
        fprintf(stderr, "shale: '%s' requires at most %d argument%s\n", c->path, cmd->max_args,
                cmd->max_args == 1 ? "" : "s");
    else
        fprintf(stderr, "shale: '%s' requires at least %d and at most %d arguments\n", c->path,
                cmd->min_args, cmd->max_args);
    print_usage(c, n < cmd->min_args && cmd->max_args < 0 ? "See" : "Run");
    return 1;
}

/* docker's words for it, and what may have been meant. `below`: of a management command. */
static int unknown_command(const char *path, bool below, const struct cmd_name *table,
                           const char *name)
{
    int n = 0;
    fprintf(stderr, "shale: unknown command: %s %s\n", path, name);
    for (const struct cmd_name *t = table; *name && t->name && n < MAX_SUGGESTIONS; t++) {
        bool near = str_distance(name, t->name, SUGGEST_DISTANCE) <= SUGGEST_DISTANCE;
        if (t->group == CMD_HIDDEN || (!near && !str_has_prefix(t->name, name)))
            continue;
        fprintf(stderr, "%s\t%s\n", n++ ? "" : "\nDid you mean this?\n", t->name);
    }
    if (below)
        fprintf(stderr, "\nUsage:  %s\n", path);
    fprintf(stderr, "\nRun '%s --help' for more information\n", path);
    return 1;
}

/* ---- dispatch ---- */

/* Help that was asked for is output. Where a command is missing, it is a hint on standard error:
 * `shale | …` and `$(shale image)` give nothing (docker does the same). */
static int print_help(struct cli *c, bool asked)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(HELP_MAX);
    if (c->cmd)
        help_command(c->path, c->cmd, &b);
    else
        help_top(&b);
    if (asked)
        return cli_print(c, &b);
    fputs(buf_str(&b), stderr);
    return 0;
}

bool cli_seen(const struct cli *c, const char *option)
{
    for (size_t i = 0; c->cmd->opts && c->cmd->opts[i].name; i++)
        if (streq(c->cmd->opts[i].name, option))
            return opts_seen(&c->res, i);
    return false;
}

/* The exit status of a command that was found; argv[0] is its name. */
static int run_command(struct cli *c, int argc, char **argv)
{
    const struct cmd *cmd = c->cmd;
    void *opts = arena_alloc(&c->arena, cmd->opts_size + 1);
    if (!opts)
        return err_nomem(&c->e);
    if (cmd->preset)
        memcpy(opts, cmd->preset, cmd->opts_size);
    if (cmd->flags & CMD_RAW_ARGS)
        return cmd->run(c, opts, argc - 1, argv + 1);
    int r = opts_parse(cmd->opts, argc, argv, !(cmd->flags & CMD_OPTS_FIRST), opts, &c->arena,
                       &c->res, &c->e);
    if (r == -SHALE_INVALID)
        return cli_usage_error(c, "%s", c->e.msg);
    if (r < 0)
        return r;
    if (c->res.help)
        return print_help(c, true);
    if (cmd->flags & CMD_OPT_OR_ARGS && c->res.any && c->res.n_args == 0)
        return cmd->run(c, opts, 0, c->res.args);
    if (c->res.n_args < cmd->min_args || (cmd->max_args >= 0 && c->res.n_args > cmd->max_args))
        return wrong_count(c, c->res.n_args);
    return cmd->run(c, opts, c->res.n_args, c->res.args);
}

static bool asks_for_help(char **args)
{
    for (; *args; args++)
        if (streq(*args, "--help") || streq(*args, "-h"))
            return true;
    return false;
}

/* Of a management command, which has no options. */
static int unknown_flag(const struct cli *c, const char *flag)
{
    if (flag[1] == '-')
        fprintf(stderr, "unknown flag: %s", flag);
    else
        fprintf(stderr, "unknown shorthand flag: '%c' in %s", flag[1], flag);
    fprintf(stderr, "\n\nUsage:  %s\n\nRun '%s --help' for more information\n", c->path, c->path);
    return EXIT_USAGE;
}

static int dispatch(struct cli *c, const struct cmd_name *table, const char *path, int argc,
                    char **argv)
{
    const struct cmd_name *n = cmd_find(table, argv[0]);
    if (!n)
        return unknown_command(path, table != cmd_table, table, argv[0]);
    c->cmd = n->cmd;
    c->path = arena_printf(&c->arena, "%s %s", path, n->name);
    if (!c->path)
        return err_nomem(&c->e);
    if (!n->cmd->sub)
        return run_command(c, argc, argv);
    if (argc < 2 || streq(argv[1], "--help") || streq(argv[1], "-h"))
        return print_help(c, argc >= 2);
    if (argv[1][0] == '-')
        return unknown_flag(c, argv[1]);
    if (!cmd_find(n->cmd->sub, argv[1]) && argc > 2 && asks_for_help(argv + 2))
        return print_help(c, true);
    return dispatch(c, n->cmd->sub, c->path, argc - 1, argv + 1);
}

/* `shale help image ls` and `shale --help image ls`: what `shale image ls --help` prints. Only the
 * former takes every word for a name. */
static int help_on(struct cli *c, int n, char **names, bool all_names)
{
    const struct cmd_name *table = cmd_table;
    const char *path = "shale";
    for (int i = 0; i < n; i++) {
        const struct cmd_name *found = table ? cmd_find(table, names[i]) : NULL;
        if (!found && !all_names)
            break;
        if (!found) {
            fprintf(stderr, "unknown help topic: %s\n\nRun 'shale --help' for the commands\n",
                    names[i]);
            return 1;
        }
        path = arena_printf(&c->arena, "%s %s", path, found->name);
        if (!path)
            return err_nomem(&c->e);
        c->cmd = found->cmd;
        c->path = path;
        table = found->cmd->sub;
    }
    return print_help(c, true);
}

static int start(struct cli *c, int argc, char **argv)
{
    struct opts_result res;
    int r = opts_parse(cmd_global_opts, argc, argv, false, &c->global, &c->arena, &res, &c->e);
    if (r < 0) {
        fprintf(stderr,
                "%s\n\nUsage:  shale [OPTIONS] COMMAND [ARG...]\n\n"
                "Run 'shale --help' for more information\n",
                c->e.msg);
        return r == -SHALE_INVALID ? EXIT_USAGE : 1;
    }
    if (c->global.version)
        return cli_printf(c, "shale version %s\n", shale_version());
    if (res.n_args > 0 && streq(res.args[0], "help"))
        return help_on(c, res.n_args - 1, res.args + 1, true);
    if (res.help)
        return help_on(c, res.n_args, res.args, false);
    if (res.n_args == 0)
        return print_help(c, false);
    return dispatch(c, cmd_table, "shale", res.n_args, res.args);
}

/* What a command returned, as an exit status. */
static int report(struct cli *c, int r)
{
    bool run = c->cmd && (c->cmd->flags & CMD_RUN_STATUS);
    bool hint = c->cmd && (c->cmd->flags & CMD_HINT) && !c->plain_error;
    if (r >= 0)
        return r;
    if (r == -SHALE_CANCELED && signals_seen())
        return 128 + signals_seen();
    if (hint)
        fprintf(stderr, "shale: ");
    exit_print_error(&c->e);
    if (hint)
        fprintf(stderr, "\nRun '%s --help' for more information\n", c->path);
    return c->fail_status && r != -SHALE_CANCELED ? c->fail_status : exit_status(-r, run);
}

int cli_main(int argc, char **argv)
{
    struct cli c = {.e = SHALE_ERR_INIT};
    arena_init(&c.arena, MAX_ARENA);
    signals_begin();
    int status = report(&c, start(&c, argc, argv));
    signals_watch(NULL);
    shale_close(c.engine);
    arena_clear(&c.arena);
    return status;
}

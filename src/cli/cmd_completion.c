/* SPDX-License-Identifier: Apache-2.0 */
/* Hidden: completion scripts for bash, zsh and fish from the command tables. */
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/help.h"

/* In scripts a command is named by what follows "shale "; "." is shale itself. */
static const char *short_path(const char *path)
{
    return path + sizeof "shale " - 1;
}

static void add_names(struct buf *b, const struct cmd_name *table)
{
    const char *sep = "";
    for (const struct cmd_name *n = table; n->name; n++) {
        if (n->group == CMD_HIDDEN)
            continue;
        buf_addf(b, "%s%s", sep, n->name);
        sep = " ";
    }
}

static void add_flags(struct buf *b, const struct opt *table)
{
    buf_adds(b, "--help");
    for (const struct opt *o = table; o && o->name; o++) {
        if (o->flags & OPT_HIDDEN)
            continue;
        buf_addf(b, " --%s", o->name);
        if (o->shortname)
            buf_addf(b, " -%c", o->shortname);
    }
}

/* What the arguments of a command are, from its usage line. */
static const char *kind_of(const struct cmd *cmd)
{
    const char *usage = cmd->usage ? cmd->usage : "";
    if (strstr(usage, "NAME|ID"))
        return "any";
    if (strstr(usage, "CONTAINER"))
        return "container";
    if (strstr(usage, "IMAGE") || strstr(usage, "REPOSITORY") || strstr(usage, "NAME"))
        return "image";
    return "";
}

/* ---- bash and zsh: three tables by command, and a function that walks them ---- */

struct tables {
    struct buf *b;
    bool bash; /* ['name']='value', else 'name' 'value' */
    int what;  /* 0 names below, 1 options, 2 kind of arguments */
};

static int on_command(void *arg, const char *path, const struct cmd_name *n)
{
    struct tables *t = arg;
    struct buf v = BUF_INIT(HELP_MAX);
    if (t->what == 0 && n->cmd->sub)
        add_names(&v, n->cmd->sub);
    else if (t->what == 1)
        add_flags(&v, n->cmd->opts);
    else if (t->what == 2)
        buf_adds(&v, kind_of(n->cmd));
    if (v.n)
        buf_addf(t->b, "        %s'%s'%s'%s'\n", t->bash ? "[" : "", short_path(path),
                 t->bash ? "]=" : " ", buf_str(&v));
    buf_clear(&v);
    return 0;
}

static const char lookups[] =
    "    local images=\"shale images --format {{.Repository}}:{{.Tag}}\"\n"
    "    local containers=\"shale ps -a --format {{.Names}}\"\n";

static void bash(struct buf *b)
{
    struct tables t = {.b = b, .bash = true};
    buf_adds(b, "# bash completion of shale; made from its command tables\n_shale()\n{\n"
                "    local -A subs=(\n        ['.']='");
    add_names(b, cmd_table);
    buf_adds(b, "'\n");
    cmd_each(on_command, &t);
    buf_adds(b, "    ) opts=(\n        ['.']='");
    add_flags(b, cmd_global_opts);
    buf_adds(b, "'\n");
    t.what = 1;
    cmd_each(on_command, &t);
    buf_adds(b, "    ) kinds=(\n");
    t.what = 2;
    cmd_each(on_command, &t);
    buf_adds(b, "    )\n");
    buf_adds(b, lookups);
    buf_adds(b,
             "    local cur=${COMP_WORDS[COMP_CWORD]} path=. words= i w\n"
             "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
             "        w=${COMP_WORDS[i]}\n"
             "        [[ -n ${subs[$path]} && \" ${subs[$path]} \" == *\" $w \"* ]] || continue\n"
             "        [[ $path == . ]] && path=$w || path=\"$path $w\"\n"
             "    done\n"
             "    if [[ $cur == -* ]]; then\n"
             "        words=${opts[$path]}\n"
             "    elif [[ -n ${subs[$path]} ]]; then\n"
             "        words=${subs[$path]}\n"
             "    else\n"
             "        case ${kinds[$path]} in\n"
             "        image) words=$($images 2>/dev/null) ;;\n"
             "        container) words=$($containers 2>/dev/null) ;;\n"
             "        any) words=\"$($images 2>/dev/null) $($containers 2>/dev/null)\" ;;\n"
             "        esac\n"
             "    fi\n"
             "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
             "    [[ $cur != *:* ]] || ! declare -F __ltrim_colon_completions >/dev/null ||\n"
             "        __ltrim_colon_completions \"$cur\"\n"
             "}\ncomplete -o default -F _shale shale\n");
}

static void zsh(struct buf *b)
{
    struct tables t = {.b = b};
    buf_adds(b, "#compdef shale\n# made from the command tables of shale\n_shale()\n{\n"
                "    local -A subs opts kinds\n    subs=(\n        '.' '");
    add_names(b, cmd_table);
    buf_adds(b, "'\n");
    cmd_each(on_command, &t);
    buf_adds(b, "    )\n    opts=(\n        '.' '");
    add_flags(b, cmd_global_opts);
    buf_adds(b, "'\n");
    t.what = 1;
    cmd_each(on_command, &t);
    buf_adds(b, "    )\n    kinds=(\n");
    t.what = 2;
    cmd_each(on_command, &t);
    buf_adds(b, "    )\n");
    buf_adds(b, lookups);
    buf_adds(b, "    local at=. w i\n"
                "    for ((i = 2; i < CURRENT; i++)); do\n"
                "        w=$words[i]\n"
                "        [[ -n $subs[$at] && \" $subs[$at] \" == *\" $w \"* ]] || continue\n"
                "        [[ $at == . ]] && at=$w || at=\"$at $w\"\n"
                "    done\n"
                "    if [[ $PREFIX == -* ]]; then\n"
                "        compadd -- ${=opts[$at]}\n"
                "    elif [[ -n $subs[$at] ]]; then\n"
                "        compadd -- ${=subs[$at]}\n"
                "    else\n"
                "        case $kinds[$at] in\n"
                "        image|any) compadd -- ${(f)\"$(${=images} 2>/dev/null)\"} ;|\n"
                "        container|any) compadd -- ${(f)\"$(${=containers} 2>/dev/null)\"} ;;\n"
                "        image) ;;\n"
                "        *) _files ;;\n"
                "        esac\n"
                "    fi\n"
                "}\n_shale \"$@\"\n");
}

/* ---- fish ---- */

/* In single quotes; only the first line of it. */
static void add_quoted(struct buf *b, const char *text)
{
    buf_addc(b, '\'');
    for (const char *c = text; *c && *c != '\n'; c++) {
        if (*c == '\'' || *c == '\\')
            buf_addc(b, '\\');
        buf_addc(b, *c);
    }
    buf_addc(b, '\'');
}

static int fish_command(void *arg, const char *path, const struct cmd_name *n)
{
    struct buf *b = arg, when = BUF_INIT(1024);
    const char *name = short_path(path), *blank = strchr(name, ' ');
    const char *kind = kind_of(n->cmd);
    if (blank) {
        buf_addf(&when, "__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s",
                 (int)(blank - name), name, blank + 1);
        buf_addf(b, "complete -c shale -n '__fish_seen_subcommand_from %.*s' -a %s -d ",
                 (int)(blank - name), name, blank + 1);
    } else {
        buf_addf(&when, "__fish_seen_subcommand_from %s", name);
        buf_addf(b, "complete -c shale -n __fish_use_subcommand -a %s -d ", name);
    }
    add_quoted(b, n->cmd->brief);
    buf_addc(b, '\n');
    for (const struct opt *o = n->cmd->opts; o && o->name; o++) {
        if (o->flags & OPT_HIDDEN)
            continue;
        buf_addf(b, "complete -c shale -n '%s' -l %s", buf_str(&when), o->name);
        if (o->shortname)
            buf_addf(b, " -s %c", o->shortname);
        buf_addf(b, "%s -d ", o->kind == OPT_BOOL ? "" : " -r");
        add_quoted(b, o->help);
        buf_addc(b, '\n');
    }
    if (streq(kind, "image") || streq(kind, "any"))
        buf_addf(b,
                 "complete -c shale -n '%s' -a '(shale images --format {{.Repository}}:{{.Tag}} "
                 "2>/dev/null)'\n",
                 buf_str(&when));
    if (streq(kind, "container") || streq(kind, "any"))
        buf_addf(b,
                 "complete -c shale -n '%s' -a '(shale ps -a --format {{.Names}} 2>/dev/null)'\n",
                 buf_str(&when));
    buf_clear(&when);
    return 0;
}

static void fish(struct buf *b)
{
    buf_adds(b, "# fish completion of shale; made from its command tables\n");
    for (const struct opt *o = cmd_global_opts; o->name; o++) {
        buf_addf(b, "complete -c shale -n __fish_use_subcommand -l %s -d ", o->name);
        add_quoted(b, o->help);
        buf_addc(b, '\n');
    }
    cmd_each(fish_command, b);
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    static const struct {
        const char *name;
        void (*write)(struct buf *b);
    } shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    _cleanup_(buf_clear) struct buf b = BUF_INIT(HELP_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
        if (streq(args[0], shells[i].name)) {
            shells[i].write(&b);
            return cli_print(c, &b);
        }
    }
    return err_set(&c->e, SHALE_INVALID, "unknown shell \"%.60s\": must be bash, zsh or fish",
                   args[0]);
}

const struct cmd cmd_completion = {
    .brief = "Print a completion script",
    .usage = "bash|zsh|fish",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions in their stage: variables, working folders, shells, files of the context. */
#include <string.h>

#include "base/str.h"
#include "dockerfile/expand.h"
#include "dockerfile/lint_priv.h"

struct user {
    struct linter *l;
    struct lint_stage *s;
    const struct instr *i;
    bool missing; /* something was not defined */
};

const char *lint_value(const struct linter *l, const struct lint_stage *s, const char *name,
                       bool *ret_known)
{
    const struct lint_stage *own = s;

    *ret_known = false;
    while (s) {
        const struct lint_name *n = lint_names_find(&s->vars, name);
        if (n && (s == own || n->env)) {
            *ret_known = true;
            return n->value;
        }
        bool below = s->parent >= 0 && lint_names_find(&l->envs, name);
        s = below ? &l->stage[s->parent] : NULL;
    }
    return NULL;
}

static const char *find(void *arg, const char *name)
{
    const struct user *u = arg;
    bool known;

    return lint_value(u->l, u->s, name, &known);
}

/* 1, 0, or -1: not known. */
static int base_has(const struct user *u, const char *name)
{
    const struct lint_stage *s = &u->l->stage[u->s->root];

    if (streq(s->base, "scratch"))
        return 0;
    int r = u->l->o->base_has && s->base ? u->l->o->base_has(u->l->o->arg, s->base, name) : -1;
    return r < 0 && streq(name, "PATH") ? 1 : r;
}

static bool was_told(const struct linter *l, const struct instr *i, const char *name)
{
    size_t n = strlen(name);

    for (size_t k = l->n; k-- > 0 && l->v[k].line == i->pos.line;) {
        const char *dollar = strchr(l->v[k].text, '$');
        if (streq(l->v[k].rule, "UndefinedVar") && dollar && strncmp(dollar + 1, name, n) == 0 &&
            dollar[n + 1] == '\'')
            return true;
    }
    return false;
}

static void unknown(void *arg, const char *name)
{
    struct user *u = arg;
    bool known;

    u->missing = true;
    if (u->l->n >= LINT_MAX_FINDINGS)
        return;
    (void)lint_value(u->l, u->s, name, &known);
    int has = known ? 1 : base_has(u, name);
    if (has == 1 || was_told(u->l, u->i, name))
        return;
    const char *near = lint_names_near(u->l, u->s, name);
    if (has < 0 && !near)
        return;
    lint_add(u->l, LINT_UNDEFINED_VAR, u->i, "Usage of undefined variable '$%.100s'%s%s%s", name,
             near ? " (did you mean $" : "", near ? near : "", near ? "?)" : "");
}

/* NULL: it cannot be expanded. */
static const char *use(struct user *u, const char *word, bool heredoc)
{
    const struct expand x = {.lookup = find,
                             .unknown = unknown,
                             .arg = u,
                             .escape = heredoc ? '\\' : u->l->d->escape,
                             .keep_quotes = heredoc,
                             .arena = u->l->a};
    const char *text = NULL;
    u->missing = false;
    int r = expand_word(&x, word, &text, NULL);

    if (r == -SHALE_NO_MEMORY || u->l->a->failed)
        lint_nomem(u->l);
    return r < 0 ? NULL : text;
}

static void use_words(struct user *u)
{
    for (size_t k = 0; k < u->i->n_words; k++)
        if (!instr_word_heredoc(u->i, k))
            (void)use(u, u->i->words[k], false);
}

static void use_flags(struct user *u, const char *const *names)
{
    for (size_t k = 0; k < u->i->n_flags; k++)
        for (size_t n = 0; names[n]; n++)
            if (streq(u->i->flags[k].name, names[n]))
                (void)use(u, u->i->flags[k].value, false);
}

static void set_env(struct user *u)
{
    const char **values = arena_array(u->l->a, u->i->n_pairs, sizeof *values);

    if (!values) {
        lint_nomem(u->l);
        return;
    }
    for (size_t k = 0; k < u->i->n_pairs; k++)
        values[k] = use(u, u->i->pairs[k].value, false);
    for (size_t k = 0; k < u->i->n_pairs && u->i->kind == INSTR_ENV; k++) {
        lint_names_set(u->l, &u->s->vars, u->i->pairs[k].name, values[k], true);
        lint_names_set(u->l, &u->l->envs, u->i->pairs[k].name, NULL, true);
    }
}

static void set_arg(struct user *u)
{
    for (size_t k = 0; k < u->i->n_pairs; k++) {
        const struct instr_pair *p = &u->i->pairs[k];
        const struct lint_opts *o = u->l->o;
        const struct lint_name *global = lint_names_find(&u->l->global, p->name);
        const char *value = p->value ? use(u, p->value, false) : global ? global->value : NULL;
        const char *given = o->build_arg ? o->build_arg(o->arg, p->name) : NULL;
        lint_names_set(u->l, &u->s->vars, p->name, given ? given : value, true);
        lint_names_set(u->l, &u->l->envs, p->name, NULL, true);
    }
}

/* As .dockerignore has it: relative, no slash at the end. NULL: the whole context. */
static const char *relative(struct linter *l, const char *path)
{
    while (*path == '/' || (path[0] == '.' && (path[1] == '/' || !path[1])))
        path++;
    size_t n = strlen(path);
    while (n > 0 && path[n - 1] == '/')
        n--;
    if (n == 0)
        return NULL;
    const char *text = arena_strndup(l->a, path, n);
    if (!text)
        lint_nomem(l);
    return text;
}

static void look_ignored(struct user *u, const char *source)
{
    const struct ignore *g = u->l->o->ignore;

    if (!g || ignore_has_negations(g) || !source || strstr(source, "://"))
        return;
    const char *path = relative(u->l, source);
    if (path && ignore_excludes(g, path))
        lint_add(u->l, LINT_COPY_IGNORED_FILE, u->i,
                 "Attempting to %s file \"%.200s\" that is excluded by .dockerignore",
                 u->i->kind == INSTR_ADD ? "Add" : "Copy", path);
}

static void use_copy(struct user *u)
{
    static const char *const flags[] = {"chown", "chmod", NULL};
    const char *from = NULL;

    (void)instr_flag_get(u->i, "from", &from, NULL);
    use_flags(u, flags);
    for (size_t k = 0; k < u->i->n_heredocs; k++)
        if (u->i->heredocs[k].expand)
            (void)use(u, u->i->heredocs[k].text, true);
    for (size_t k = 0; k < u->i->n_words; k++) {
        if (instr_word_heredoc(u->i, k))
            continue;
        const char *path = use(u, u->i->words[k], false);
        if (!from && k + 1 < u->i->n_words)
            look_ignored(u, path);
    }
}

static void use_workdir(struct user *u)
{
    const char *path = use(u, u->i->rest, false);

    if (!u->s->workdir && path && !u->missing && *path != '/')
        lint_add(
            u->l, LINT_WORKDIR_RELATIVE_PATH, u->i,
            "Relative workdir \"%.200s\" can have unexpected results if the base image changes",
            path);
    u->s->workdir = true;
}

static void use_command(struct user *u)
{
    if (!u->i->json && u->i->n_words > 0 && !u->s->shell)
        lint_add(u->l, LINT_JSON_ARGS_RECOMMENDED, u->i,
                 "JSON arguments recommended for %s to prevent unintended behavior related to OS "
                 "signals",
                 instr_name(u->i->kind));
}

static void use_run(struct user *u)
{
    static const char *const flags[] = {"mount", NULL};

    use_flags(u, flags);
}

static void use_shell(struct user *u)
{
    u->s->shell = true;
}

static void (*const uses[INSTR_KINDS])(struct user *u) = {
    [INSTR_ENV] = set_env,
    [INSTR_LABEL] = set_env,
    [INSTR_ARG] = set_arg,
    [INSTR_COPY] = use_copy,
    [INSTR_ADD] = use_copy,
    [INSTR_RUN] = use_run,
    [INSTR_EXPOSE] = use_words,
    [INSTR_VOLUME] = use_words,
    [INSTR_USER] = use_words,
    [INSTR_WORKDIR] = use_workdir,
    [INSTR_STOPSIGNAL] = use_words,
    [INSTR_CMD] = use_command,
    [INSTR_ENTRYPOINT] = use_command,
    [INSTR_SHELL] = use_shell,
};

void lint_vars(struct linter *l)
{
    for (size_t k = 0; k < l->d->n_stages; k++) {
        struct lint_stage *s = &l->stage[k];
        if (s->parent >= 0) {
            s->shell = l->stage[s->parent].shell;
            s->workdir = l->stage[s->parent].workdir;
        }
        for (size_t n = 0; n < l->d->stages[k].n_instrs && !l->failed; n++) {
            struct user u = {.l = l, .s = s, .i = &l->d->stages[k].instrs[n]};
            if (uses[u.i->kind])
                uses[u.i->kind](&u);
        }
    }
}

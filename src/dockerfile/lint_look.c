/* SPDX-License-Identifier: Apache-2.0 */
/* What can be seen in each instruction alone, or in all of the same kind. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "dockerfile/lint_priv.h"

/* The keyword as it is written. */
static void keyword(const struct instr *i, char ret[static 16])
{
    size_t n = strlen(instr_name(i->kind));

    memcpy(ret, i->source, n);
    ret[n] = 0;
}

static void look_casing(struct linter *l, const struct instr *i, bool lower)
{
    char word[16];

    keyword(i, word);
    if (lower ? lint_has_upper(word) : lint_has_lower(word))
        lint_add(l, LINT_CONSISTENT_INSTRUCTION_CASING, i,
                 "Command '%s' should match the case of the command majority (%s)", word,
                 lower ? "lowercase" : "uppercase");
}

static void count_casing(const struct instr *i, size_t *lower, size_t *upper)
{
    char word[16];

    keyword(i, word);
    *lower += !lint_has_upper(word);
    *upper += !lint_has_lower(word);
}

static void look_from(struct linter *l, const struct instr *i)
{
    char from[16];

    if (i->n_words < 3)
        return;
    keyword(i, from);
    const char *as = i->words[1], *name = i->words[2];
    if (lint_has_upper(name))
        lint_add(l, LINT_STAGE_NAME_CASING, i, "Stage name '%.100s' should be lowercase", name);
    bool lower = !lint_has_upper(from), upper = !lint_has_lower(from);
    if ((lower && lint_has_upper(as)) || (upper && lint_has_lower(as)))
        lint_add(l, LINT_FROM_AS_CASING, i, "'%s' and '%s' keywords' casing do not match", as,
                 from);
}

static bool has_token(const char *name, const char *const *tokens)
{
    struct str rest = str_of(name), part;

    while (str_split(&rest, '_', &part)) {
        char word[16];
        if (part.n >= sizeof word)
            continue;
        memcpy(word, part.p, part.n);
        word[part.n] = 0;
        for (size_t k = 0; tokens[k]; k++)
            if (str_ieq(word, tokens[k]))
                return true;
    }
    return false;
}

static void look_secrets(struct linter *l, const struct instr *i)
{
    static const char *const secret[] = {"apikey", "auth",     "credential", "credentials",
                                         "key",    "password", "pword",      "passwd",
                                         "secret", "token",    NULL};
    static const char *const allowed[] = {"public", "file", "version", NULL};

    for (size_t k = 0; k < i->n_pairs; k++)
        if (has_token(i->pairs[k].name, secret) && !has_token(i->pairs[k].name, allowed))
            lint_add(l, LINT_SECRETS_USED_IN_ARG_OR_ENV, i,
                     "Do not use ARG or ENV instructions for sensitive data (%s \"%.100s\")",
                     instr_name(i->kind), i->pairs[k].name);
}

static void look_legacy(struct linter *l, const struct instr *i)
{
    const char *name = instr_name(i->kind);

    if (i->n_pairs > 0 && i->pairs[0].legacy)
        lint_add(l, LINT_LEGACY_KEY_VALUE_FORMAT, i,
                 "\"%s key=value\" should be used instead of legacy \"%s key value\" format", name,
                 name);
}

/* [ and a quote: that was meant to be a list. */
static void look_json(struct linter *l, const struct instr *i)
{
    const char *s = i->rest;

    if (i->json || *s != '[')
        return;
    for (s++; *s == ' ' || *s == '\t';)
        s++;
    size_t n = strlen(s);
    if ((*s != '"' && *s != '\'') || s[n - 1] != ']')
        return;
    lint_add(l, LINT_JSON_FORM_MISTAKE, i,
             "%s looks like a JSON list but is none, so it is taken as plain text%s",
             instr_name(i->kind), *s == '\'' ? ": strings in JSON stand in double quotes" : "");
}

static const struct instr *look_once(struct linter *l, const struct instr *i,
                                     const struct instr *before)
{
    if (before)
        lint_add(l, LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED, before,
                 "Multiple %s instructions should not be used in the same stage because only the "
                 "last one will be used",
                 instr_name(i->kind));
    return i;
}

static void look_expose(struct linter *l, const struct instr *i)
{
    for (size_t k = 0; k < i->n_words; k++) {
        const char *word = i->words[k], *slash = strchr(word, '/');
        if (strchr(word, '$'))
            continue;
        if (slash && lint_has_upper(slash))
            lint_add(l, LINT_EXPOSE_PROTO_CASING, i,
                     "Defined protocol '%.60s' in EXPOSE instruction should be lowercase", word);
        if (strchr(word, ':'))
            lint_add(l, LINT_EXPOSE_INVALID_FORMAT, i,
                     "EXPOSE instruction should not define an IP address or host-port mapping, "
                     "found '%.60s'",
                     word);
    }
}

/* The last comment before ARG, or FROM with a name, begins with a name. */
static void look_description(struct linter *l, const struct instr *i)
{
    const char *last = NULL, *example = NULL;
    bool found = false;

    for (size_t k = 0; i->comments[k]; k++)
        last = i->comments[k];
    if (!last)
        return;
    size_t n = strcspn(last, " ");
    for (size_t k = 0; k < i->n_pairs; k++)
        found = found || (strlen(i->pairs[k].name) == n && memcmp(last, i->pairs[k].name, n) == 0);
    if (i->kind == INSTR_ARG)
        example = i->n_pairs > 1 ? "<arg_key>" : i->pairs[0].name;
    if (i->kind == INSTR_FROM && i->n_words == 3) {
        example = i->words[2];
        found = strlen(example) == n && memcmp(last, example, n) == 0;
    }
    if (example && !found)
        lint_add(l, LINT_INVALID_DEFINITION_DESCRIPTION, i,
                 "Comment for %s should follow the format: `# %.100s <description>`",
                 instr_name(i->kind), example);
}

static void look_any(struct linter *l, const struct instr *i)
{
    if (i->empty_line)
        lint_add_line(l, LINT_NO_EMPTY_CONTINUATION, i, i->empty_line, "Empty continuation line");
    switch (i->kind) {
    case INSTR_FROM:
        look_from(l, i);
        look_description(l, i);
        break;
    case INSTR_ARG:
        look_description(l, i);
        break;
    case INSTR_ENV:
    case INSTR_LABEL:
        look_legacy(l, i);
        break;
    case INSTR_MAINTAINER:
        lint_add(l, LINT_MAINTAINER_DEPRECATED, i,
                 "Maintainer instruction is deprecated in favor of using label");
        break;
    case INSTR_EXPOSE:
        look_expose(l, i);
        break;
    case INSTR_RUN:
    case INSTR_CMD:
    case INSTR_ENTRYPOINT:
    case INSTR_COPY:
    case INSTR_ADD:
    case INSTR_VOLUME:
        look_json(l, i);
        break;
    case INSTR_HEALTHCHECK:
        if (i->inner)
            look_json(l, i->inner);
        break;
    default:
        break;
    }
    if (i->kind == INSTR_ARG || i->kind == INSTR_ENV)
        look_secrets(l, i);
}

static void look_stage(struct linter *l, const struct dockerfile_stage *s, bool lower)
{
    const struct instr *cmd = NULL, *entrypoint = NULL, *health = NULL;

    look_any(l, s->from);
    look_casing(l, s->from, lower);
    for (size_t k = 0; k < s->n_instrs; k++) {
        const struct instr *i = &s->instrs[k];
        look_any(l, i);
        look_casing(l, i, lower);
        if (i->kind == INSTR_CMD)
            cmd = look_once(l, i, cmd);
        if (i->kind == INSTR_ENTRYPOINT)
            entrypoint = look_once(l, i, entrypoint);
        if (i->kind == INSTR_HEALTHCHECK)
            health = look_once(l, i, health);
    }
}

void lint_look(struct linter *l)
{
    size_t lower = 0, upper = 0;

    for (size_t s = 0; s < l->d->n_stages; s++) {
        count_casing(l->d->stages[s].from, &lower, &upper);
        for (size_t k = 0; k < l->d->stages[s].n_instrs; k++)
            count_casing(&l->d->stages[s].instrs[k], &lower, &upper);
    }
    for (size_t k = 0; k < l->d->n_args; k++)
        look_any(l, &l->d->args[k]);
    for (size_t s = 0; s < l->d->n_stages; s++)
        look_stage(l, &l->d->stages[s], lower > upper);
}

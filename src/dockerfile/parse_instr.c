/* SPDX-License-Identifier: Apache-2.0 */
/* One instruction: keyword, flags, arguments, and what must be so about them. */
#include <string.h>

#include "base/str.h"
#include "dockerfile/parse_priv.h"

static int need_one_or_more(struct parse *p, const struct instr *i)
{
    if (i->n_words > 0)
        return 0;
    return parse_fail(p, i->source, "%s requires at least one argument", instr_name(i->kind));
}

static int need_one(struct parse *p, const struct instr *i)
{
    if (i->n_words == 1)
        return 0;
    return parse_fail(p, i->source, "%s requires exactly one argument", instr_name(i->kind));
}

static int check_from(struct parse *p, const struct instr *i)
{
    if (i->n_words != 1 && (i->n_words != 3 || !str_ieq(i->words[1], "as")))
        return parse_fail(p, i->source, "FROM requires either one or three arguments");
    if (i->n_words == 1)
        return 0;
    const char *s = i->words[2];
    bool good = isalpha((unsigned char)*s);
    for (; *s; s++)
        good = good && (isalnum((unsigned char)*s) || strchr("-_.", *s));
    if (!good)
        return parse_fail(p, i->rest,
                          "invalid name for build stage: \"%.100s\", name can't start with a "
                          "number or contain symbols",
                          i->words[2]);
    return 0;
}

/* The place of a flag that has none of the values; NULL: all have one. */
static const struct instr_flag *wrong_flag(const struct instr *i, const char *name,
                                           const char *const *values)
{
    for (size_t k = 0; k < i->n_flags; k++) {
        bool good = !streq(i->flags[k].name, name);
        for (size_t v = 0; !good && values[v]; v++)
            good = streq(i->flags[k].value, values[v]);
        if (!good)
            return &i->flags[k];
    }
    return NULL;
}

static int check_run(struct parse *p, const struct instr *i)
{
    static const char *const networks[] = {"default", "none", "host", NULL};
    static const char *const securities[] = {"insecure", "sandbox", NULL};
    const struct instr_flag *f = wrong_flag(i, "network", networks);

    if (f)
        return parse_fail_at(p, f->pos, "invalid network mode \"%.80s\"", f->value);
    f = wrong_flag(i, "security", securities);
    if (f)
        return parse_fail_at(p, f->pos, "security \"%.80s\" is not valid", f->value);
    return need_one_or_more(p, i);
}

static int check_copy(struct parse *p, const struct instr *i)
{
    if (i->n_words >= 2)
        return 0;
    return parse_fail(p, i->source,
                      "%s requires at least two arguments, but only one was provided. Destination "
                      "could not be determined",
                      instr_name(i->kind));
}

static int check_volume(struct parse *p, const struct instr *i)
{
    for (size_t k = 0; k < i->n_words; k++)
        if (str_trim(str_of(i->words[k])).n == 0)
            return parse_fail(p, i->rest, "VOLUME specified can not be an empty string");
    return need_one_or_more(p, i);
}

static int check_shell(struct parse *p, const struct instr *i)
{
    if (i->n_words > 0 && !i->json)
        return parse_fail(p, i->rest, "SHELL requires the arguments to be in JSON form");
    return need_one_or_more(p, i);
}

/* NONE, or CMD and a command, which becomes an instruction of its own. */
static int parse_health(struct parse *p, struct instr *i)
{
    const char *s = i->rest;
    size_t n = strcspn(s, " \t\n\v\f\r");

    if (n == 0)
        return parse_fail(p, i->source, "HEALTHCHECK requires at least one argument");
    char *type = arena_strndup(p->a, s, n);
    if (!type)
        return parse_nomem(p);
    for (s += n; parse_blank(*s);)
        s++;
    if (str_ieq(type, "NONE"))
        return *s ? parse_fail(p, s, "HEALTHCHECK NONE takes no arguments") : parse_words(p, i);
    if (!str_ieq(type, "CMD"))
        return parse_fail(p, i->rest, "Unknown type \"%.80s\" in HEALTHCHECK (try CMD)", type);
    struct instr *cmd = arena_alloc(p->a, sizeof *cmd);
    if (!cmd)
        return parse_nomem(p);
    *cmd = (struct instr){.kind = INSTR_CMD,
                          .pos = parse_pos(p, i->rest),
                          .end_line = p->line,
                          .source = i->rest,
                          .comments = i->comments,
                          .rest = s};
    int r = parse_json_or_text(p, cmd);
    if (r >= 0 && cmd->n_words == 0)
        r = parse_fail(p, i->rest, "Missing command after HEALTHCHECK CMD");
    i->inner = cmd;
    return r < 0 ? r : parse_words(p, i);
}

static int parse_trigger(struct parse *p, struct instr *i)
{
    struct instr *inner = arena_alloc(p->a, sizeof *inner);

    if (!inner)
        return parse_nomem(p);
    if (!*i->rest)
        return parse_fail(p, i->source, "ONBUILD requires at least one argument");
    int r = parse_instr(p, i->rest, inner);
    if (r < 0)
        return r;
    if (inner->kind == INSTR_ONBUILD)
        return parse_fail(p, i->rest, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (inner->kind == INSTR_MAINTAINER || inner->kind == INSTR_FROM)
        return parse_fail(p, i->rest, "%s isn't allowed as an ONBUILD trigger",
                          instr_name(inner->kind));
    i->inner = inner;
    i->heredocs = inner->heredocs;
    i->n_heredocs = inner->n_heredocs;
    if (inner->n_heredocs > 0) {
        struct instr line = *inner;
        line.rest = i->rest;
        line.script = false;
        i->rest = instr_shell_text(&line, p->a);
    }
    return i->rest ? parse_text(p, i) : parse_nomem(p);
}

static const struct {
    int (*parse)(struct parse *p, struct instr *i);
    int (*check)(struct parse *p, const struct instr *i); /* NULL: nothing more */
} rules[INSTR_KINDS] = {
    [INSTR_FROM] = {parse_words, check_from},
    [INSTR_ARG] = {parse_arg, need_one_or_more},
    [INSTR_RUN] = {parse_json_or_text, check_run},
    [INSTR_COPY] = {parse_json_or_words, check_copy},
    [INSTR_ADD] = {parse_json_or_words, check_copy},
    [INSTR_CMD] = {parse_json_or_text, NULL},
    [INSTR_ENTRYPOINT] = {parse_json_or_text, NULL},
    [INSTR_ENV] = {parse_pairs, need_one_or_more},
    [INSTR_LABEL] = {parse_pairs, need_one_or_more},
    [INSTR_EXPOSE] = {parse_words, need_one_or_more},
    [INSTR_VOLUME] = {parse_json_or_words, check_volume},
    [INSTR_USER] = {parse_text, need_one},
    [INSTR_WORKDIR] = {parse_text, need_one},
    [INSTR_STOPSIGNAL] = {parse_text, need_one},
    [INSTR_SHELL] = {parse_json_or_text, check_shell},
    [INSTR_HEALTHCHECK] = {parse_health, NULL},
    [INSTR_ONBUILD] = {parse_trigger, NULL},
    [INSTR_MAINTAINER] = {parse_text, need_one},
};

/* The name as the writer of `like` has it: in lower case when that is. */
static const char *in_case_of(const char *name, const char *like, char buf[static 16])
{
    for (const char *s = like; *s; s++)
        if (isupper((unsigned char)*s))
            return name;
    size_t n = 0;
    for (; name[n] && n < 15; n++)
        buf[n] = (char)tolower((unsigned char)name[n]);
    buf[n] = 0;
    return buf;
}

static int unknown(struct parse *p, const char *at, const char *word)
{
    const char *names[INSTR_KINDS], *near;
    char upper[16], name[16];
    size_t n = strlen(word);

    for (int k = 0; k < INSTR_KINDS; k++)
        names[k] = instr_name((enum instr_kind)k);
    if (n >= sizeof upper)
        return parse_fail(p, at, "unknown instruction: %.80s", word);
    for (size_t k = 0; k <= n; k++)
        upper[k] = (char)toupper((unsigned char)word[k]);
    near = suggest_nearest(upper, names, INSTR_KINDS);
    if (!near)
        return parse_fail(p, at, "unknown instruction: %s", word);
    return parse_fail(p, at, "unknown instruction: %s (did you mean %s?)", word,
                      in_case_of(near, word, name));
}

static int find_kind(struct parse *p, const char *text, size_t n, enum instr_kind *ret)
{
    char *word = arena_strndup(p->a, text, n);

    if (!word)
        return parse_nomem(p);
    for (int k = 0; k < INSTR_KINDS; k++) {
        if (str_ieq(word, instr_name((enum instr_kind)k))) {
            *ret = (enum instr_kind)k;
            return 0;
        }
    }
    return unknown(p, text, word);
}

int parse_instr(struct parse *p, const char *text, struct instr *ret)
{
    size_t n = strcspn(text, " \t\n\v\f\r");
    enum instr_kind kind = INSTR_KINDS;
    static const char *const none[] = {NULL};

    int r = find_kind(p, text, n, &kind);
    if (r < 0)
        return r;
    *ret = (struct instr){.kind = kind,
                          .pos = parse_pos(p, text),
                          .source = text,
                          .words = none,
                          .comments = none,
                          .empty_line = p->empty_line};
    r = parse_flags(p, ret, text + n, &ret->rest);
    if (r < 0)
        return r;
    r = rules[kind].parse(p, ret);
    if (r >= 0 && (kind == INSTR_RUN || kind == INSTR_COPY || kind == INSTR_ADD))
        r = parse_heredocs(p, ret);
    if (r >= 0 && rules[kind].check)
        r = rules[kind].check(p, ret);
    ret->end_line = p->line;
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of an instruction: --name=value before its arguments. */
#include <string.h>

#include "base/str.h"
#include "dockerfile/parse_priv.h"

enum flag_type { FLAG_STRING, FLAG_BOOL, FLAG_STRINGS };

static const struct flag_rule {
    enum instr_kind kind;
    enum flag_type type;
    const char *name;
} rules[] = {
    {INSTR_FROM, FLAG_STRING, "platform"},
    {INSTR_RUN, FLAG_STRINGS, "mount"},
    {INSTR_RUN, FLAG_STRING, "network"},
    {INSTR_RUN, FLAG_STRING, "security"},
    {INSTR_RUN, FLAG_STRINGS, "device"},
    {INSTR_COPY, FLAG_STRING, "from"},
    {INSTR_COPY, FLAG_STRING, "chown"},
    {INSTR_COPY, FLAG_STRING, "chmod"},
    {INSTR_COPY, FLAG_BOOL, "link"},
    {INSTR_COPY, FLAG_BOOL, "parents"},
    {INSTR_COPY, FLAG_STRINGS, "exclude"},
    {INSTR_ADD, FLAG_STRING, "chown"},
    {INSTR_ADD, FLAG_STRING, "chmod"},
    {INSTR_ADD, FLAG_BOOL, "link"},
    {INSTR_ADD, FLAG_BOOL, "keep-git-dir"},
    {INSTR_ADD, FLAG_STRING, "checksum"},
    {INSTR_ADD, FLAG_BOOL, "unpack"},
    {INSTR_ADD, FLAG_STRINGS, "exclude"},
    {INSTR_HEALTHCHECK, FLAG_STRING, "interval"},
    {INSTR_HEALTHCHECK, FLAG_STRING, "timeout"},
    {INSTR_HEALTHCHECK, FLAG_STRING, "start-period"},
    {INSTR_HEALTHCHECK, FLAG_STRING, "start-interval"},
    {INSTR_HEALTHCHECK, FLAG_STRING, "retries"},
};

static const struct flag_rule *find_rule(enum instr_kind kind, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (rules[i].kind == kind && streq(rules[i].name, name))
            return &rules[i];
    return NULL;
}

static int unknown_flag(struct parse *p, enum instr_kind kind, const char *name, const char *at)
{
    const char *names[ARRAY_SIZE(rules)];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (rules[i].kind == kind)
            names[n++] = rules[i].name;
    const char *near = suggest_nearest(name, names, n);
    if (near)
        return parse_fail(p, at, "unknown flag: --%.80s (did you mean %s?)", name, near);
    return parse_fail(p, at, "unknown flag: --%.80s", name);
}

static bool is_bool(const char *value)
{
    return !value || str_ieq(value, "true") || str_ieq(value, "false");
}

static int check_flag(struct parse *p, const struct instr *i, const struct instr_flag *f,
                      const char *at)
{
    const struct flag_rule *rule = find_rule(i->kind, f->name);

    if (!rule)
        return unknown_flag(p, i->kind, f->name, at);
    for (size_t k = 0; rule->type != FLAG_STRINGS && k < i->n_flags; k++)
        if (streq(i->flags[k].name, f->name))
            return parse_fail(p, at, "duplicate flag specified: --%s", f->name);
    if (rule->type == FLAG_BOOL ? f->value && !*f->value : !f->value)
        return parse_fail(p, at, "missing a value on flag: --%s", f->name);
    if (rule->type == FLAG_BOOL && !is_bool(f->value))
        return parse_fail(p, at, "expecting boolean value for flag --%s, not: %.80s", f->name,
                          f->value);
    return 0;
}

static int add_flag(struct parse *p, struct instr *i, size_t *cap, const struct buf *word,
                    const char *at)
{
    char *name = arena_strndup(p->a, word->p + 2, word->n - 2);

    if (!name)
        return parse_nomem(p);
    char *eq = strchr(name, '=');
    if (eq)
        *eq = 0;
    struct instr_flag f = {.name = name, .value = eq ? eq + 1 : NULL, .pos = parse_pos(p, at)};
    int r = check_flag(p, i, &f, at);
    if (r < 0)
        return r;
    if (i->n_flags >= DOCKERFILE_MAX_WORDS)
        return err_set(p->e, SHALE_LIMIT, "%.200s:%u: more than %d flags", p->file, f.pos.line,
                       DOCKERFILE_MAX_WORDS);
    struct instr_flag *flags =
        arena_grow(p->a, (void *)i->flags, i->n_flags, cap, sizeof i->flags[0]);
    if (!flags)
        return parse_nomem(p);
    flags[i->n_flags++] = f;
    i->flags = flags;
    return 0;
}

/* One word without its quotes; the place behind it. */
static const char *take_word(const struct parse *p, const char *s, struct buf *word)
{
    char quote = 0;

    buf_reset(word);
    for (; *s && (quote || !parse_blank(*s)); s++) {
        if (quote ? *s == quote : *s == '"' || *s == '\'') {
            quote = quote ? 0 : *s;
            continue;
        }
        if (*s == p->escape) {
            if (!s[1])
                continue;
            s++;
        }
        buf_addc(word, *s);
    }
    return s;
}

int parse_flags(struct parse *p, struct instr *i, const char *text, const char **rest)
{
    _cleanup_(buf_clear) struct buf word = BUF_INIT(DOCKERFILE_MAX_BYTES + 1);
    size_t cap = 0;

    for (;;) {
        while (parse_blank(*text))
            text++;
        *rest = text;
        if (text[0] != '-' || text[1] != '-')
            return 0;
        const char *behind = take_word(p, text, &word);
        int r = buf_check(&word, p->e);
        if (r < 0)
            return r;
        if (streq(buf_str(&word), "--")) {
            while (parse_blank(*behind))
                behind++;
            *rest = behind;
            return 0;
        }
        if (word.n < 2 || word.p[0] != '-' || word.p[1] != '-')
            return parse_fail(p, text, "arg should start with -- : %.80s", buf_str(&word));
        r = add_flag(p, i, &cap, &word, text);
        if (r < 0)
            return r;
        text = behind;
    }
}

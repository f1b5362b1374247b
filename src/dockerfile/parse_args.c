/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments of an instruction: words, JSON lists, name=value. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "dockerfile/parse_priv.h"

int parse_add_word(struct parse *p, struct parse_list *l, const char *word, size_t n)
{
    if (l->n >= DOCKERFILE_MAX_WORDS)
        return err_set(p->e, SHALE_LIMIT, "%.200s:%u: more than %d words in one instruction",
                       p->file, p->first_line, DOCKERFILE_MAX_WORDS);
    const char **v = arena_add_text(p->a, l->v, &l->n, &l->cap, arena_strndup(p->a, word, n));
    if (!v)
        return parse_nomem(p);
    l->v = v;
    return 0;
}

static int end_words(struct instr *i, const struct parse_list *l)
{
    static const char *const none[] = {NULL};

    i->words = l->v ? l->v : none;
    i->n_words = l->n;
    return 0;
}

int parse_words(struct parse *p, struct instr *i)
{
    struct parse_list l = {0};

    for (const char *s = i->rest; *s;) {
        const char *from = s;
        while (*s && !parse_blank(*s))
            s++;
        int r = parse_add_word(p, &l, from, (size_t)(s - from));
        if (r < 0)
            return r;
        while (parse_blank(*s))
            s++;
    }
    return end_words(i, &l);
}

int parse_text(struct parse *p, struct instr *i)
{
    const char **v = arena_array(p->a, 2, sizeof *v);

    if (!v)
        return parse_nomem(p);
    v[0] = *i->rest ? i->rest : NULL;
    i->words = v;
    i->n_words = v[0] ? 1 : 0;
    return 0;
}

/* 1: it is a list of strings; 0: no JSON list. */
static int parse_json(struct parse *p, struct instr *i)
{
    _cleanup_(json_decrefp) json_t *j = NULL;
    struct parse_list l = {0};

    if (*i->rest != '[')
        return 0;
    struct shale_err e = SHALE_ERR_INIT;
    int r = json_parse(i->rest, strlen(i->rest), DOCKERFILE_MAX_BYTES, &j, &e);
    if (r == -SHALE_NO_MEMORY)
        return err_nomem(p->e);
    if (r == -SHALE_LIMIT)
        return err_set(p->e, SHALE_LIMIT, "%.200s:%u: %s", p->file, p->first_line, e.msg);
    if (r < 0)
        return 0;
    for (size_t k = 0; k < json_array_size(j); k++) {
        const json_t *item = json_array_get(j, k);
        if (!json_is_string(item))
            return parse_fail(p, i->rest,
                              "when using JSON array syntax, arrays must be comprised of strings "
                              "only");
        r = parse_add_word(p, &l, json_string_value(item), json_string_length(item));
        if (r < 0)
            return r;
    }
    i->json = true;
    end_words(i, &l);
    return 1;
}

int parse_json_or_text(struct parse *p, struct instr *i)
{
    int r = parse_json(p, i);

    return r == 0 ? parse_text(p, i) : r < 0 ? r : 0;
}

int parse_json_or_words(struct parse *p, struct instr *i)
{
    int r = parse_json(p, i);

    return r == 0 ? parse_words(p, i) : r < 0 ? r : 0;
}

/* Where a word that begins at s ends: white space within quotes or behind an escape is part of it.
 * An escape at the very end is dropped: *len is without it. */
static const char *word_end(const struct parse *p, const char *s, size_t *len)
{
    const char *from = s;
    char quote = 0;

    for (; *s && (quote || !parse_blank(*s)); s++) {
        if (*s == p->escape && quote != '\'') {
            if (!s[1]) {
                *len = (size_t)(s - from);
                return s + 1;
            }
            s++;
        } else if (*s == quote) {
            quote = 0;
        } else if (!quote && (*s == '"' || *s == '\'')) {
            quote = *s;
        }
    }
    *len = (size_t)(s - from);
    return s;
}

static int quoted_words(struct parse *p, struct instr *i)
{
    struct parse_list l = {0};

    for (const char *s = i->rest; *s;) {
        size_t n = 0;
        const char *behind = word_end(p, s, &n);
        int r = n > 0 ? parse_add_word(p, &l, s, n) : 0;
        if (r < 0)
            return r;
        for (s = behind; parse_blank(*s);)
            s++;
    }
    return end_words(i, &l);
}

static int pairs_of_words(struct parse *p, struct instr *i, bool need_value)
{
    struct instr_pair *pairs = arena_array(p->a, i->n_words, sizeof *pairs);

    if (!pairs)
        return parse_nomem(p);
    for (size_t k = 0; k < i->n_words; k++) {
        const char *word = i->words[k], *eq = strchr(word, '=');
        if (eq == word)
            return parse_fail(p, i->rest, "%s names can not be blank", instr_name(i->kind));
        if (!eq && need_value)
            return parse_fail(p, i->rest,
                              "Syntax error - can't find = in \"%.100s\". Must be of the form: "
                              "name=value",
                              word);
        pairs[k].name = eq ? arena_strndup(p->a, word, (size_t)(eq - word)) : word;
        pairs[k].value = eq ? eq + 1 : NULL;
        if (!pairs[k].name)
            return parse_nomem(p);
    }
    i->pairs = pairs;
    i->n_pairs = i->n_words;
    return 0;
}

int parse_arg(struct parse *p, struct instr *i)
{
    int r = quoted_words(p, i);

    return r < 0 || i->n_words == 0 ? r : pairs_of_words(p, i, false);
}

/* "name value of more words" */
static int old_pair(struct parse *p, struct instr *i)
{
    size_t n = strcspn(i->rest, " \t\v\f\r");
    const char *value = i->rest + n;

    while (parse_blank(*value))
        value++;
    if (!*value)
        return parse_fail(p, i->rest, "%s must have two arguments", instr_name(i->kind));
    struct instr_pair *pair = arena_alloc(p->a, sizeof *pair);
    if (!pair || !(pair->name = arena_strndup(p->a, i->rest, n)))
        return parse_nomem(p);
    pair->value = value;
    pair->legacy = true;
    i->pairs = pair;
    i->n_pairs = 1;
    return 0;
}

int parse_pairs(struct parse *p, struct instr *i)
{
    int r = quoted_words(p, i);

    if (r < 0 || !i->words[0])
        return r;
    return strchr(i->words[0], '=') ? pairs_of_words(p, i, true) : old_pair(p, i);
}

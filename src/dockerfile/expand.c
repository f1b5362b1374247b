/* SPDX-License-Identifier: Apache-2.0 */
#include "dockerfile/expand.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "dockerfile/expand_pattern.h"

struct state {
    const struct expand *x;
    const char *at;
    unsigned depth;
    struct shale_err *e;
};

/* What is made: one text, or words. */
struct sink {
    struct buf text;
    bool split;
    const char **words;
    size_t n, cap;
};

static void sink_clear(struct sink *s)
{
    buf_clear(&s->text);
}

#define SINK_INIT                                                                                  \
    {                                                                                              \
        .text = BUF_INIT(EXPAND_MAX_BYTES)                                                         \
    }

static int no_room(const struct expand *x, struct shale_err *e)
{
    if (x->arena->failed == SHALE_LIMIT)
        return err_set(e, SHALE_LIMIT, "too much text in variables");
    return err_nomem(e);
}

static int end_word(const struct expand *x, struct sink *out, struct shale_err *e)
{
    if (out->text.n == 0)
        return 0;
    int r = buf_check(&out->text, e);
    if (r < 0)
        return r;
    const char *word = arena_strndup(x->arena, out->text.p, out->text.n);
    const char **v = arena_add_text(x->arena, out->words, &out->n, &out->cap, word);
    if (!v)
        return no_room(x, e);
    out->words = v;
    buf_reset(&out->text);
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A character that white space may end a word at. */
static int put_char(struct state *s, struct sink *out, char c)
{
    if (out->split && is_blank(c))
        return end_word(s->x, out, s->e);
    buf_addc(&out->text, c);
    return 0;
}

static int put_value(struct state *s, struct sink *out, bool quoted, const char *value)
{
    if (quoted || !out->split) {
        buf_adds(&out->text, value);
        return 0;
    }
    int r = 0;
    for (; r >= 0 && *value; value++)
        r = put_char(s, out, *value);
    return r;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* A name, a number, or one of the shell's special parameters. May be empty. */
static void take_name(struct state *s, struct buf *name)
{
    buf_reset(name);
    if (is_digit(*s->at)) {
        while (is_digit(*s->at))
            buf_addc(name, *s->at++);
    } else if (*s->at && strchr("@*#?-$!", *s->at)) {
        buf_addc(name, *s->at++);
    } else {
        while (is_name(*s->at))
            buf_addc(name, *s->at++);
    }
}

/* NULL: not set, which is told if it matters. */
static const char *look_up(const struct state *s, struct buf *name, bool matters)
{
    const char *value = s->x->lookup(s->x->arg, buf_str(name));

    if (!value && matters && s->x->unknown)
        s->x->unknown(s->x->arg, buf_str(name));
    return value;
}

static int until(struct state *s, char stop, bool raw, struct sink *out);

/* The word of a modifier, up to and with `stop`. */
static int modifier_word(struct state *s, char stop, bool raw, struct sink *word)
{
    if (s->depth >= EXPAND_MAX_DEPTH)
        return err_set(s->e, SHALE_LIMIT, "more than %d ${...} within each other",
                       EXPAND_MAX_DEPTH);
    s->depth++;
    int r = until(s, stop, raw, word);
    s->depth--;
    if (r >= 0)
        r = buf_check(&word->text, s->e);
    if (r < 0)
        return r;
    if (*s->at != stop)
        return err_set(s->e, SHALE_INVALID, "syntax error: missing '%c'%s", stop,
                       stop == '/' ? " in ${}" : "");
    s->at++;
    return 0;
}

static int bad_modifier(struct state *s, const char *from)
{
    char text[40];
    size_t n = 1;

    if (!*s->at)
        return err_set(s->e, SHALE_INVALID, "syntax error: missing '}'");
    n += (size_t)(s->at - from);
    while (((unsigned char)from[n] & 0xc0) == 0x80 && n < 8)
        n++;
    char raw[16];
    snprintf(raw, sizeof raw, "%.*s", (int)n, from);
    return err_set(s->e, SHALE_INVALID, "unsupported modifier (%s) in substitution",
                   str_printable(text, sizeof text, raw));
}

/* ${v-w} ${v+w} ${v?w}, `:` before: empty is as good as not set. */
static int by_presence(struct state *s, struct sink *out, bool quoted, struct buf *name, bool colon)
{
    _cleanup_(sink_clear) struct sink word = SINK_INIT;
    char op = *s->at++;
    int r = modifier_word(s, '}', false, &word);

    if (r < 0)
        return r;
    const char *value = look_up(s, name, false);
    bool has = value && !(colon && !*value);
    if (op == '-')
        return put_value(s, out, quoted, has ? value : buf_str(&word.text));
    if (op == '+')
        return put_value(s, out, quoted, has ? buf_str(&word.text) : "");
    if (has)
        return put_value(s, out, quoted, value);
    const char *why = !value ? "is not allowed to be unset" : "is not allowed to be empty";
    return err_set(s->e, SHALE_INVALID, "%.80s: %.300s", buf_str(name),
                   word.text.n ? word.text.p : why);
}

/* ${v#p} ${v##p} ${v%p} ${v%%p} */
static int by_trim(struct state *s, struct sink *out, bool quoted, struct buf *name)
{
    _cleanup_(sink_clear) struct sink word = SINK_INIT;
    _cleanup_(buf_clear) struct buf got = BUF_INIT(EXPAND_MAX_BYTES);
    char op = *s->at++;
    int r = modifier_word(s, '}', true, &word);

    if (r < 0)
        return r;
    const char *value = look_up(s, name, true), *pattern = buf_str(&word.text);
    bool longest = *pattern == op;
    r = expand_trim(pattern + longest, value ? value : "", op == '%', longest, &got, s->e);
    if (r >= 0)
        r = buf_check(&got, s->e);
    return r < 0 ? r : put_value(s, out, quoted, buf_str(&got));
}

/* ${v/p/r} ${v//p/r} */
static int by_replace(struct state *s, struct sink *out, bool quoted, struct buf *name)
{
    _cleanup_(sink_clear) struct sink pattern = SINK_INIT;
    _cleanup_(sink_clear) struct sink by = SINK_INIT;
    _cleanup_(buf_clear) struct buf got = BUF_INIT(EXPAND_MAX_BYTES);
    bool all = *++s->at == '/';

    s->at += all;
    int r = modifier_word(s, '/', true, &pattern);
    if (r >= 0)
        r = modifier_word(s, '}', true, &by);
    if (r < 0)
        return r;
    const char *value = look_up(s, name, true);
    r = expand_replace(buf_str(&pattern.text), value ? value : "", buf_str(&by.text), all, &got,
                       s->e);
    if (r >= 0)
        r = buf_check(&got, s->e);
    return r < 0 ? r : put_value(s, out, quoted, buf_str(&got));
}

static int put_variable(struct state *s, struct sink *out, bool quoted, struct buf *name,
                        const char *before, const char *behind)
{
    const char *value = look_up(s, name, true);

    if (value || !s->x->keep_rest)
        return put_value(s, out, quoted, value ? value : "");
    buf_addf(&out->text, "%s%s%s", before, buf_str(name), behind);
    return 0;
}

/* Behind "${". */
static int braced(struct state *s, struct sink *out, bool quoted, struct buf *name)
{
    if (!*s->at)
        return err_set(s->e, SHALE_INVALID, "syntax error: missing '}'");
    if (strchr("{}:", *s->at))
        return err_set(s->e, SHALE_INVALID, "syntax error: bad substitution");
    take_name(s, name);
    if (name->failed)
        return buf_check(name, s->e);
    const char *from = s->at;
    bool colon = *s->at == ':';
    s->at += colon;
    switch (*s->at) {
    case '-':
    case '+':
    case '?':
        return by_presence(s, out, quoted, name, colon);
    case '}':
    case '#':
    case '%':
    case '/':
        break;
    default:
        return bad_modifier(s, from);
    }
    if (colon)
        return bad_modifier(s, from);
    if (*s->at == '/')
        return by_replace(s, out, quoted, name);
    if (*s->at != '}')
        return by_trim(s, out, quoted, name);
    s->at++;
    return put_variable(s, out, quoted, name, "${", "}");
}

static int dollar(struct state *s, struct sink *out, bool quoted)
{
    _cleanup_(buf_clear) struct buf name = BUF_INIT(EXPAND_MAX_BYTES);

    if (*++s->at == '{') {
        s->at++;
        return braced(s, out, quoted, &name);
    }
    take_name(s, &name);
    if (name.failed)
        return buf_check(&name, s->e);
    if (name.n == 0)
        return put_char(s, out, '$');
    return put_variable(s, out, quoted, &name, "$", "");
}

static int single_quoted(struct state *s, struct sink *out)
{
    const char *end = strchr(++s->at, '\'');

    if (!end)
        return err_set(s->e, SHALE_INVALID,
                       "unexpected end of statement while looking for matching single-quote");
    buf_add(&out->text, s->at, (size_t)(end - s->at));
    s->at = end + 1;
    return 0;
}

static int double_quoted(struct state *s, bool raw, struct sink *out)
{
    int r = 0;

    for (s->at++; r >= 0 && *s->at != '"';) {
        if (!*s->at)
            return err_set(s->e, SHALE_INVALID,
                           "unexpected end of statement while looking for matching double-quote");
        if (*s->at == '$') {
            r = dollar(s, out, true);
            continue;
        }
        if (*s->at == s->x->escape) {
            char next = s->at[1];
            if (raw)
                buf_addc(&out->text, *s->at);
            if (next == '"' || next == '$' || next == s->x->escape)
                s->at++;
        }
        buf_addc(&out->text, *s->at++);
    }
    s->at++;
    return r;
}

/* Up to `stop` (0: all), which is left. With raw, escapes stay. */
static int until(struct state *s, char stop, bool raw, struct sink *out)
{
    int r = 0;

    while (r >= 0 && *s->at && *s->at != stop) {
        char c = *s->at;
        if (c == '$') {
            r = dollar(s, out, false);
        } else if (c == '\'' && !s->x->keep_quotes) {
            r = single_quoted(s, out);
        } else if (c == '"' && !s->x->keep_quotes) {
            r = double_quoted(s, raw, out);
        } else if (c == s->x->escape) {
            if (raw || s->x->keep_rest)
                buf_addc(&out->text, c);
            if (*++s->at)
                buf_addc(&out->text, *s->at++);
        } else {
            r = put_char(s, out, c);
            s->at++;
        }
    }
    return r;
}

static int expand_all(const struct expand *x, const char *text, struct sink *out,
                      struct shale_err *e)
{
    struct state s = {.x = x, .at = text, .e = e};
    char shown[100];
    int r = until(&s, 0, false, out);

    if (r >= 0)
        r = buf_check(&out->text, e);
    if (r >= 0 || r == -SHALE_NO_MEMORY)
        return r;
    return err_wrap(e, r, "failed to process \"%s\"", str_printable(shown, sizeof shown, text));
}

int expand_word(const struct expand *x, const char *word, const char **ret, struct shale_err *e)
{
    _cleanup_(sink_clear) struct sink out = SINK_INIT;
    int r = expand_all(x, word, &out, e);

    if (r < 0)
        return r;
    const char *text = arena_strndup(x->arena, buf_str(&out.text), out.text.n);
    if (!text)
        return no_room(x, e);
    *ret = text;
    return 0;
}

int expand_words(const struct expand *x, const char *text, const char *const **ret, size_t *ret_n,
                 struct shale_err *e)
{
    static const char *const none[] = {NULL};
    _cleanup_(sink_clear) struct sink out = SINK_INIT;

    out.split = true;
    int r = expand_all(x, text, &out, e);
    if (r >= 0)
        r = end_word(x, &out, e);
    if (r < 0)
        return r;
    *ret = out.words ? out.words : none;
    *ret_n = out.n;
    return 0;
}

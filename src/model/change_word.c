/* SPDX-License-Identifier: Apache-2.0 */
#include "model/change_word.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "model/change.h"

#define MAX_NESTING 16 /* of words within ${NAME:-word} */

char *change_next_word(const char **text, struct arena *a)
{
    const char *s = *text;
    char quote = 0;

    while (isspace((unsigned char)*s))
        s++;
    const char *from = s;
    for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
        if (*s == '\\' && quote != '\'' && s[1])
            s++;
        else if (*s == quote)
            quote = 0;
        else if (!quote && (*s == '"' || *s == '\''))
            quote = *s;
    }
    *text = s;
    return s > from ? arena_strndup(a, from, (size_t)(s - from)) : NULL;
}

struct expand {
    const char *at;
    const json_t *env;
    struct buf *out;
    unsigned depth;
};

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* NULL: not set. */
static const char *lookup(const json_t *env, const char *name, size_t n)
{
    const char *found = NULL;

    for (size_t i = 0; i < json_array_size(env); i++) {
        const char *s = json_string_value(json_array_get(env, i));
        if (s && strncmp(s, name, n) == 0 && s[n] == '=')
            found = s + n + 1;
    }
    return found;
}

static int expand_until(struct expand *x, char end, struct shale_err *e);

/* Behind "${NAME:-" or "${NAME:+", up to and with the brace. */
static int expand_else(struct expand *x, char op, const char *value, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf word = BUF_INIT(CHANGE_MAX_BYTES);
    struct buf *out = x->out;
    bool has = value && *value;

    if (++x->depth > MAX_NESTING)
        return err_set(e, SHALE_INVALID, "too many words within ${…}");
    x->out = &word;
    int r = expand_until(x, '}', e);
    x->out = out;
    x->depth--;
    if (r < 0)
        return r;
    if (*x->at != '}')
        return err_set(e, SHALE_INVALID, "syntax error: missing '}'");
    x->at++;
    buf_adds(out, op == '+' ? (has ? buf_str(&word) : "") : (has ? value : buf_str(&word)));
    buf_fail_with(out, &word);
    return 0;
}

static int expand_braced(struct expand *x, struct shale_err *e)
{
    const char *name = x->at;

    while (is_name(*x->at))
        x->at++;
    size_t n = (size_t)(x->at - name);
    const char *value = n ? lookup(x->env, name, n) : NULL;
    if (n > 0 && *x->at == '}') {
        x->at++;
        buf_adds(x->out, value ? value : "");
        return 0;
    }
    if (n > 0 && x->at[0] == ':' && (x->at[1] == '-' || x->at[1] == '+')) {
        char op = x->at[1];
        x->at += 2;
        return expand_else(x, op, value, e);
    }
    return err_set(e, SHALE_INVALID, "unsupported modifier in substitution: ${%.*s", (int)n + 2,
                   name);
}

static int expand_dollar(struct expand *x, struct shale_err *e)
{
    const char *name = ++x->at;

    if (*name == '{') {
        x->at++;
        return expand_braced(x, e);
    }
    while (is_name(*x->at))
        x->at++;
    if (x->at == name) {
        buf_addc(x->out, '$');
        return 0;
    }
    const char *value = lookup(x->env, name, (size_t)(x->at - name));
    buf_adds(x->out, value ? value : "");
    return 0;
}

static int expand_single(struct expand *x, struct shale_err *e)
{
    const char *end = strchr(++x->at, '\'');

    if (!end)
        return err_set(e, SHALE_INVALID,
                       "unexpected end of statement while looking for matching "
                       "single-quote");
    buf_add(x->out, x->at, (size_t)(end - x->at));
    x->at = end + 1;
    return 0;
}

static int expand_double(struct expand *x, struct shale_err *e)
{
    int r = 0;

    for (x->at++; r >= 0 && *x->at != '"';) {
        if (!*x->at)
            return err_set(e, SHALE_INVALID,
                           "unexpected end of statement while looking for "
                           "matching double-quote");
        if (*x->at == '$') {
            r = expand_dollar(x, e);
            continue;
        }
        if (*x->at == '\\' && (x->at[1] == '"' || x->at[1] == '$' || x->at[1] == '\\'))
            x->at++;
        buf_addc(x->out, *x->at++);
    }
    x->at++;
    return r;
}

static int expand_until(struct expand *x, char end, struct shale_err *e)
{
    int r = 0;

    while (r >= 0 && *x->at && *x->at != end) {
        if (*x->at == '\'') {
            r = expand_single(x, e);
        } else if (*x->at == '"') {
            r = expand_double(x, e);
        } else if (*x->at == '$') {
            r = expand_dollar(x, e);
        } else {
            if (*x->at == '\\' && x->at[1])
                x->at++;
            buf_addc(x->out, *x->at++);
        }
    }
    return r;
}

char *change_word(const char *word, const json_t *env, struct arena *a, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CHANGE_MAX_BYTES);
    struct expand x = {.at = word, .env = env, .out = &out};
    int r = expand_until(&x, 0, e);

    if (r >= 0)
        r = buf_check(&out, e);
    if (r < 0)
        return NULL;
    char *text = arena_strndup(a, buf_str(&out), out.n);
    if (!text)
        (void)err_nomem(e);
    return text;
}

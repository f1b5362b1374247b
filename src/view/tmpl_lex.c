/* SPDX-License-Identifier: Apache-2.0 */
#include "view/tmpl_lex.h"

#include <stdbool.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "view/text.h"
#include "view/uni.h"

#define DELIM_LEN 2
#define TRIM_LEN  2 /* the marker and the space beside it */
#define NO_RUNE   UINT32_MAX

static const struct {
    const char *word;
    enum tok type;
} keywords[] = {
    {"block", TOK_BLOCK}, {"break", TOK_BREAK}, {"continue", TOK_CONTINUE}, {"define", TOK_DEFINE},
    {"else", TOK_ELSE},   {"end", TOK_END},     {"false", TOK_BOOL},        {"if", TOK_IF},
    {"nil", TOK_NIL},     {"range", TOK_RANGE}, {"template", TOK_TEMPLATE}, {"true", TOK_BOOL},
    {"with", TOK_WITH},
};

void lex_init(struct lexer *l, struct str src, struct arena *a)
{
    *l = (struct lexer){.src = src, .a = a, .line = 1};
}

/* ---- characters ---- */

static bool is_space(uint32_t r)
{
    return r == ' ' || r == '\t' || r == '\r' || r == '\n';
}

static bool is_word(uint32_t r)
{
    return r == '_' || (r != NO_RUNE && uni_is_letter(r));
}

static uint32_t peek(const struct lexer *l)
{
    uint32_t r = NO_RUNE;
    if (l->pos < l->src.n)
        uni_decode(l->src.p + l->pos, l->src.n - l->pos, &r);
    return r;
}

static uint32_t next(struct lexer *l)
{
    uint32_t r = NO_RUNE;
    if (l->pos < l->src.n)
        l->pos += uni_decode(l->src.p + l->pos, l->src.n - l->pos, &r);
    return r;
}

/* Byte at offset `at` from here, -1 past the end. */
static int byte_at(const struct lexer *l, size_t at)
{
    return l->pos + at < l->src.n ? (unsigned char)l->src.p[l->pos + at] : -1;
}

static bool looking_at(const struct lexer *l, size_t at, const char *two)
{
    return byte_at(l, at) == two[0] && byte_at(l, at + 1) == two[1];
}

static bool accept(struct lexer *l, const char *any)
{
    int c = byte_at(l, 0);
    if (c <= 0 || !strchr(any, c))
        return false;
    l->pos++;
    return true;
}

static void accept_run(struct lexer *l, const char *any)
{
    while (accept(l, any))
        ;
}

/* Position of a two-byte mark at or after `from`; the end when there is none. */
static size_t find(const struct lexer *l, size_t from, const char *mark)
{
    const char *at = from < l->src.n ? memmem(l->src.p + from, l->src.n - from, mark, 2) : NULL;
    return at ? (size_t)(at - l->src.p) : l->src.n;
}

static void skip_space(struct lexer *l)
{
    while (l->pos < l->src.n && is_space((unsigned char)l->src.p[l->pos]))
        l->pos++;
}

/* ---- tokens ---- */

static uint32_t line_of(struct lexer *l, size_t pos)
{
    for (; l->counted < pos; l->counted++)
        if (l->src.p[l->counted] == '\n')
            l->line++;
    return l->line;
}

static struct token emit(struct lexer *l, enum tok type)
{
    struct token t = {.type = type,
                      .pos = (uint32_t)l->start,
                      .line = line_of(l, l->start),
                      .val = {l->src.p + l->start, l->pos - l->start}};
    l->start = l->pos;
    return t;
}

static struct token fail(struct lexer *l, const char *msg)
{
    struct token t = {.type = TOK_ERROR,
                      .pos = (uint32_t)l->start,
                      .line = line_of(l, l->start),
                      .val = str_of(msg ? msg : "out of memory")};
    l->state = LEX_END;
    return t;
}

/* "<what> U+0040 '@'" */
static struct token fail_rune(struct lexer *l, const char *what, uint32_t r)
{
    char utf8[5] = "";
    if (r == NO_RUNE)
        return fail(l, arena_printf(l->a, "%s U+FFFFFFFFFFFFFFFF", what));
    if (!uni_is_print(r))
        return fail(l, arena_printf(l->a, "%s U+%04X", what, r));
    utf8[uni_encode(r, utf8)] = 0;
    return fail(l, arena_printf(l->a, "%s U+%04X '%s'", what, r, utf8));
}

static struct token fail_number(struct lexer *l)
{
    struct buf b = BUF_INIT(4096);
    text_quote(&b, (struct str){l->src.p + l->start, l->pos - l->start});
    struct token t = fail(l, arena_printf(l->a, "bad number syntax: %s", buf_str(&b)));
    buf_clear(&b);
    return t;
}

static bool at_trimmed_rdelim(const struct lexer *l)
{
    return byte_at(l, 0) > 0 && is_space((uint32_t)byte_at(l, 0)) && byte_at(l, 1) == '-' &&
           looking_at(l, TRIM_LEN, "}}");
}

static bool at_terminator(const struct lexer *l)
{
    uint32_t r = peek(l);
    return is_space(r) || r == NO_RUNE || (r < 0x80 && r && strchr(".,|:)(", (int)r)) ||
           looking_at(l, 0, "}}");
}

/* ---- states ---- */

static struct token lex_text(struct lexer *l)
{
    size_t delim = find(l, l->pos, "{{"), end = delim;
    if (delim == l->src.n) {
        l->pos = delim;
        if (l->pos > l->start)
            return emit(l, TOK_TEXT);
        l->state = LEX_END;
        return emit(l, TOK_EOF);
    }
    l->pos = delim;
    if (byte_at(l, 2) == '-' && byte_at(l, 3) > 0 && is_space((uint32_t)byte_at(l, 3)))
        while (end > l->start && is_space((unsigned char)l->src.p[end - 1]))
            end--;
    l->pos = end;
    struct token t = emit(l, TOK_TEXT);
    l->pos = l->start = delim;
    l->state = LEX_LDELIM;
    return t; /* empty ones are dropped by lex_next */
}

/* A comment, from its slash. Nothing comes out of it but an error (true). */
static bool lex_comment(struct lexer *l, struct token *ret)
{
    l->start = l->pos;
    size_t end = find(l, l->pos + 2, "*/");
    if (end == l->src.n) {
        *ret = fail(l, "unclosed comment");
        return true;
    }
    l->pos = end + 2;
    bool trim = at_trimmed_rdelim(l);
    if (!trim && !looking_at(l, 0, "}}")) {
        *ret = fail(l, "comment ends before closing delimiter");
        return true;
    }
    l->pos += DELIM_LEN + (trim ? TRIM_LEN : 0);
    if (trim)
        skip_space(l);
    l->start = l->pos;
    l->state = LEX_TEXT;
    return false;
}

static bool lex_ldelim(struct lexer *l, struct token *ret)
{
    bool trim = byte_at(l, 2) == '-' && byte_at(l, 3) > 0 && is_space((uint32_t)byte_at(l, 3));
    size_t marker = trim ? TRIM_LEN : 0;
    l->pos += DELIM_LEN;
    if (looking_at(l, marker, "/*")) {
        l->pos += marker;
        return lex_comment(l, ret);
    }
    *ret = emit(l, TOK_LDELIM);
    l->pos += marker;
    l->start = l->pos;
    l->parens = 0;
    l->state = LEX_INSIDE;
    return true;
}

static struct token lex_rdelim(struct lexer *l)
{
    bool trim = at_trimmed_rdelim(l);
    if (trim)
        l->start = l->pos += TRIM_LEN;
    l->pos += DELIM_LEN;
    struct token t = emit(l, TOK_RDELIM);
    if (trim)
        skip_space(l);
    l->start = l->pos;
    l->state = LEX_TEXT;
    return t;
}

static struct token lex_space(struct lexer *l)
{
    skip_space(l);
    /* The last space may belong to a trim marker. */
    l->pos--;
    if (!at_trimmed_rdelim(l)) {
        l->pos++;
    } else if (l->pos == l->start) {
        return lex_rdelim(l);
    }
    return emit(l, TOK_SPACE);
}

static struct token lex_ident(struct lexer *l)
{
    while (is_word(peek(l)))
        next(l);
    if (!at_terminator(l))
        return fail_rune(l, "bad character", peek(l));
    struct str word = {l->src.p + l->start, l->pos - l->start};
    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
        if (str_eq(word, str_of(keywords[i].word)))
            return emit(l, keywords[i].type);
    return emit(l, TOK_IDENT);
}

/* A field or variable, its first character read. */
static struct token lex_name(struct lexer *l, enum tok type, enum tok alone)
{
    if (at_terminator(l))
        return emit(l, alone);
    while (is_word(peek(l)))
        next(l);
    if (!at_terminator(l))
        return fail_rune(l, "bad character", peek(l));
    return emit(l, type);
}

static bool scan_number(struct lexer *l)
{
    const char *digits = "0123456789_";
    char base = 'd';
    accept(l, "+-");
    if (accept(l, "0")) {
        if (accept(l, "xX"))
            digits = "0123456789abcdefABCDEF_", base = 'x';
        else if (accept(l, "oO"))
            digits = "01234567_", base = 'o';
        else if (accept(l, "bB"))
            digits = "01_", base = 'b';
    }
    accept_run(l, digits);
    if (accept(l, "."))
        accept_run(l, digits);
    if ((base == 'd' && accept(l, "eE")) || (base == 'x' && accept(l, "pP"))) {
        accept(l, "+-");
        accept_run(l, "0123456789_");
    }
    accept(l, "i");
    if (is_word(peek(l))) {
        next(l);
        return false;
    }
    return true;
}

static struct token lex_number(struct lexer *l)
{
    if (!scan_number(l))
        return fail_number(l);
    int sign = byte_at(l, 0);
    if (sign != '+' && sign != '-')
        return emit(l, TOK_NUMBER);
    if (!scan_number(l) || l->src.p[l->pos - 1] != 'i')
        return fail_number(l);
    return emit(l, TOK_COMPLEX);
}

/* A string or character constant, its opening quote read. */
static struct token lex_quoted(struct lexer *l, char quote)
{
    for (;;) {
        uint32_t r = next(l);
        if (r == (unsigned char)quote)
            return emit(l, quote == '"' ? TOK_STRING : TOK_CHARCONST);
        if (r == '\\') {
            r = next(l);
            if (r == '\\' || r == (unsigned char)quote)
                continue;
        }
        if (r == NO_RUNE || r == '\n')
            return fail(l, quote == '"' ? "unterminated quoted string"
                                        : "unterminated character constant");
    }
}

static struct token lex_raw(struct lexer *l)
{
    uint32_t r;
    do
        r = next(l);
    while (r != '`' && r != NO_RUNE);
    return r == '`' ? emit(l, TOK_RAWSTRING) : fail(l, "unterminated raw quoted string");
}

static struct token lex_paren(struct lexer *l, uint32_t r)
{
    l->parens += r == '(' ? 1 : -1;
    if (l->parens < 0)
        return fail(l, "unexpected right paren");
    return emit(l, r == '(' ? TOK_LPAREN : TOK_RPAREN);
}

/* Tokens that begin with punctuation; r is read. */
static struct token lex_punct(struct lexer *l, uint32_t r)
{
    switch (r) {
    case '=':
        return emit(l, TOK_ASSIGN);
    case ':':
        return next(l) == '=' ? emit(l, TOK_DECLARE) : fail(l, "expected :=");
    case '|':
        return emit(l, TOK_PIPE);
    case '"':
    case '\'':
        return lex_quoted(l, (char)r);
    case '`':
        return lex_raw(l);
    case '$':
        return lex_name(l, TOK_VARIABLE, TOK_VARIABLE);
    case '(':
    case ')':
        return lex_paren(l, r);
    default:
        if (r < 0x80 && uni_is_print(r))
            return emit(l, TOK_CHAR);
        return fail_rune(l, "unrecognized character in action:", r);
    }
}

static struct token lex_inside(struct lexer *l)
{
    if (at_trimmed_rdelim(l) || looking_at(l, 0, "}}")) {
        if (l->parens)
            return fail(l, "unclosed left paren");
        return lex_rdelim(l);
    }
    uint32_t r = peek(l);
    int after = byte_at(l, 1);
    if (r == NO_RUNE)
        return fail(l, "unclosed action");
    if (is_space(r))
        return lex_space(l);
    if (r == '.' && after >= 0 && (after < '0' || after > '9')) {
        l->pos++;
        return lex_name(l, TOK_FIELD, TOK_DOT);
    }
    if (r == '.' || r == '+' || r == '-' || (r >= '0' && r <= '9'))
        return lex_number(l);
    if (is_word(r))
        return lex_ident(l);
    next(l);
    return lex_punct(l, r);
}

struct token lex_next(struct lexer *l)
{
    struct token t = {.type = TOK_EOF};
    for (;;) {
        switch (l->state) {
        case LEX_TEXT:
            t = lex_text(l);
            if (t.type == TOK_TEXT && t.val.n == 0)
                break;
            return t;
        case LEX_LDELIM:
            if (!lex_ldelim(l, &t))
                break;
            return t;
        case LEX_INSIDE:
            return lex_inside(l);
        default:
            l->start = l->pos;
            return emit(l, TOK_EOF);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "view/tmpl_node.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "view/text.h"
#include "view/tmpl_func.h"
#include "view/uni.h"

bool node_is_empty(const struct node *n)
{
    if (!n)
        return true;
    if (n->type == NODE_TEXT)
        return str_trim(n->str.text).n == 0;
    if (n->type != NODE_LIST)
        return false;
    for (size_t i = 0; i < n->list.n; i++)
        if (!node_is_empty(n->list.v[i]))
            return false;
    return true;
}

/* ---- printing ---- */

struct printer { /* keeps what fits */
    char *p;
    size_t n, size;
};

static void put(struct printer *o, const char *s, size_t n)
{
    size_t room = o->size - 1 - o->n;
    if (n > room)
        n = room;
    memcpy(o->p + o->n, s, n);
    o->n += n;
}

static void puts_(struct printer *o, const char *s)
{
    put(o, s, strlen(s));
}

static void print(struct printer *o, const struct node *n);

static void print_path(struct printer *o, const struct node *n)
{
    if (n->type == NODE_CHAIN) {
        bool parens = n->path.of->type == NODE_PIPE;
        puts_(o, parens ? "(" : "");
        print(o, n->path.of);
        puts_(o, parens ? ")" : "");
    }
    for (size_t i = 0; i < n->path.n; i++) {
        if (i || n->type != NODE_VARIABLE)
            puts_(o, ".");
        puts_(o, n->path.ident[i]);
    }
}

static void print_pipe(struct printer *o, const struct node *n)
{
    for (size_t i = 0; i < n->pipe.decl.n; i++) {
        puts_(o, i ? ", " : "");
        print(o, n->pipe.decl.v[i]);
    }
    if (n->pipe.decl.n)
        puts_(o, n->pipe.assign ? " = " : " := ");
    for (size_t i = 0; i < n->pipe.cmds.n; i++) {
        puts_(o, i ? " | " : "");
        print(o, n->pipe.cmds.v[i]);
    }
}

static void print_command(struct printer *o, const struct node *n)
{
    for (size_t i = 0; i < n->list.n; i++) {
        bool parens = n->list.v[i]->type == NODE_PIPE;
        puts_(o, i ? " " : "");
        puts_(o, parens ? "(" : "");
        print(o, n->list.v[i]);
        puts_(o, parens ? ")" : "");
    }
}

static void print_quoted(struct printer *o, struct str s)
{
    struct buf b = BUF_INIT(8192);
    text_quote(&b, (struct str){s.p, s.n < 256 ? s.n : 256});
    puts_(o, buf_str(&b));
    buf_clear(&b);
}

static void print_branch(struct printer *o, const struct node *n)
{
    puts_(o, n->type == NODE_IF ? "{{if " : n->type == NODE_RANGE ? "{{range " : "{{with ");
    print(o, n->branch.pipe);
    puts_(o, "}}");
    print(o, n->branch.body);
    if (n->branch.other) {
        puts_(o, "{{else}}");
        print(o, n->branch.other);
    }
    puts_(o, "{{end}}");
}

static void print_call(struct printer *o, const struct node *n)
{
    puts_(o, "{{template ");
    print_quoted(o, n->call.name);
    if (n->call.pipe) {
        puts_(o, " ");
        print(o, n->call.pipe);
    }
    puts_(o, "}}");
}

static void print(struct printer *o, const struct node *n)
{
    if (o->n + 1 >= o->size)
        return;
    switch (n->type) {
    case NODE_BOOL:
        puts_(o, n->b ? "true" : "false");
        break;
    case NODE_DOT:
        puts_(o, ".");
        break;
    case NODE_NIL:
        puts_(o, "nil");
        break;
    case NODE_NUMBER:
        put(o, n->num.text.p, n->num.text.n);
        break;
    case NODE_STRING:
        put(o, n->str.quoted.p, n->str.quoted.n);
        break;
    case NODE_FIELD:
    case NODE_VARIABLE:
    case NODE_CHAIN:
        print_path(o, n);
        break;
    case NODE_IDENT:
        puts_(o, n->fn.f->name);
        break;
    case NODE_PIPE:
        print_pipe(o, n);
        break;
    case NODE_COMMAND:
        print_command(o, n);
        break;
    case NODE_LIST:
        for (size_t i = 0; i < n->list.n; i++)
            print(o, n->list.v[i]);
        break;
    case NODE_TEXT:
        put(o, n->str.text.p, n->str.text.n);
        break;
    case NODE_ACTION:
        puts_(o, "{{");
        print(o, n->branch.pipe);
        puts_(o, "}}");
        break;
    case NODE_IF:
    case NODE_RANGE:
    case NODE_WITH:
        print_branch(o, n);
        break;
    case NODE_TEMPLATE:
        print_call(o, n);
        break;
    case NODE_BREAK:
        puts_(o, "{{break}}");
        break;
    case NODE_CONTINUE:
        puts_(o, "{{continue}}");
        break;
    default:
        break;
    }
}

char *node_format(const struct node *n, char *dst, size_t size)
{
    struct printer o = {.p = dst, .size = size};
    print(&o, n);
    o.p[o.n] = 0;
    if (o.n + 1 >= size && size > 4) {
        /* Cut between characters, and show that it was. */
        size_t keep = size - 4;
        while (keep > 0 && ((unsigned char)dst[keep] & 0xc0) == 0x80)
            keep--;
        memcpy(dst + keep, "...", 4);
    }
    return dst;
}

/* ---- literals ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Digits of an escape: bytes used, or 0 where they are wrong. */
static size_t unescape_digits(struct str s, size_t n, int base, uint32_t *ret)
{
    uint32_t v = 0;
    if (s.n < n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        int d = hex_digit(s.p[i]);
        if (d < 0 || d >= base)
            return 0;
        v = v * (uint32_t)base + (uint32_t)d;
    }
    *ret = v;
    return n;
}

/* One character of a quoted text: bytes used, 0 where it is wrong. *ret_byte: it is a byte, not a
 * character. */
static size_t unquote_char(struct str s, char quote, uint32_t *ret, bool *ret_byte)
{
    static const char letters[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
    size_t n;
    *ret_byte = false;
    if (s.n == 0 || s.p[0] == quote || s.p[0] == '\n')
        return 0;
    if (s.p[0] != '\\')
        return uni_decode(s.p, s.n, ret);
    if (s.n < 2)
        return 0;
    char c = s.p[1];
    const char *at = c ? strchr(letters, c) : NULL;
    struct str rest = {s.p + 2, s.n - 2};
    if (at || c == quote) {
        *ret = (unsigned char)(at ? values[at - letters] : c);
        return 2;
    }
    switch (c) {
    case 'x':
        n = unescape_digits(rest, 2, 16, ret);
        *ret_byte = true;
        return n ? n + 2 : 0;
    case 'u':
    case 'U':
        n = unescape_digits(rest, c == 'u' ? 4 : 8, 16, ret);
        return n && *ret <= 0x10ffff && (*ret < 0xd800 || *ret > 0xdfff) ? n + 2 : 0;
    default:
        n = unescape_digits((struct str){s.p + 1, s.n - 1}, 3, 8, ret);
        *ret_byte = true;
        return n && *ret <= 255 ? n + 1 : 0;
    }
}

static bool unquote_raw(struct str s, struct arena *a, struct str *ret)
{
    char *copy = arena_alloc(a, s.n + 1);
    size_t n = 0;
    if (!copy)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\r')
            copy[n++] = s.p[i];
    *ret = (struct str){copy, n};
    return true;
}

bool node_unquote(struct str q, struct arena *a, struct str *ret)
{
    if (q.n < 2)
        return false;
    struct str s = {q.p + 1, q.n - 2};
    if (q.p[0] == '`')
        return unquote_raw(s, a, ret);
    char *out = arena_alloc(a, s.n * 4 + 1); /* an escape is never shorter than its character */
    size_t n = 0;
    if (!out)
        return false;
    for (size_t i = 0; i < s.n;) {
        uint32_t r;
        bool byte;
        size_t used = unquote_char((struct str){s.p + i, s.n - i}, q.p[0], &r, &byte);
        if (used == 0)
            return false;
        if (s.p[i] != '\\') { /* as it stands, even what is not UTF-8 */
            memcpy(out + n, s.p + i, used);
            n += used;
        } else if (byte) {
            out[n++] = (char)r;
        } else {
            n += uni_encode(r, out + n);
        }
        i += used;
    }
    *ret = (struct str){out, n};
    return true;
}

static const char *parse_char(struct node *n, struct str text, struct arena *a)
{
    uint32_t r;
    bool byte;
    struct str s = {text.p + 1, text.n - 1};
    size_t used = unquote_char(s, '\'', &r, &byte);
    if (used == 0)
        return "invalid syntax";
    if (used + 1 != s.n) {
        const char *msg =
            arena_printf(a, "malformed character constant: %.*s", (int)text.n, text.p);
        return msg ? msg : "out of memory";
    }
    n->num.val = (struct tmpl_val){.kind = TMPL_INT, .type = TMPL_T_INT, .i = (int64_t)r};
    n->num.is_int = true;
    return NULL;
}

/* The digits without underscores, which may stand between digits and after a base prefix. */
static char *plain_digits(struct str text, struct arena *a)
{
    char *s = arena_alloc(a, text.n + 1);
    size_t n = 0;
    bool prefixed = false;
    for (size_t i = 0; s && i < text.n; i++) {
        char c = text.p[i];
        if (c != '_') {
            prefixed |= i > 0 && strchr("xXoObB", c) && text.p[i - 1] == '0';
            s[n++] = c;
            continue;
        }
        char before = i ? text.p[i - 1] : 0, after = i + 1 < text.n ? text.p[i + 1] : 0;
        bool ok = hex_digit(after) >= 0 &&
                  (hex_digit(before) >= 0 || (prefixed && strchr("xXoObB", before)));
        if (!ok || (!prefixed && text.p[0] != '0' && !strchr("0123456789", after)))
            return NULL;
    }
    return s;
}

static bool parse_integer(const char *s, bool *ret_overflow, int64_t *ret)
{
    bool neg = *s == '-';
    const char *p = s + (*s == '-' || *s == '+');
    int base = 10;
    if (p[0] == '0' && p[1]) {
        char c = (char)(p[1] | 0x20);
        base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
        p += c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
    }
    char *end;
    errno = 0;
    if (hex_digit(*p) < 0)
        return false;
    unsigned long long v = strtoull(p, &end, base);
    if (*end)
        return false;
    uint64_t most = (uint64_t)INT64_MAX + neg;
    *ret_overflow = errno == ERANGE || v > most;
    *ret = neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

const char *node_parse_number(struct node *n, struct str text, bool is_char, struct arena *a)
{
    n->num.text = text;
    if (is_char)
        return parse_char(n, text, a);
    const char *bad = arena_printf(a, "illegal number syntax: \"%.*s\"", (int)text.n, text.p);
    char *s = plain_digits(text, a), *end;
    bool hex = text.n > 2 && text.p[0] == '0' && (text.p[1] | 0x20) == 'x';
    bool has_float = false;
    for (size_t i = 0; i < text.n; i++)
        has_float |= strchr(hex ? ".pP" : ".eEpP", text.p[i]) != NULL;
    if (!s || !bad)
        return bad ? bad : "out of memory";
    if (text.p[text.n - 1] == 'i')
        return "complex numbers are not supported";
    n->num.val = (struct tmpl_val){.kind = TMPL_INT, .type = TMPL_T_INT};
    if (!has_float && parse_integer(s, &n->num.overflow, &n->num.val.i)) {
        n->num.is_int = !n->num.overflow;
        return NULL;
    }
    errno = 0;
    double f = strtod(s, &end);
    if (end == s || *end || !isfinite(f) || (hex && !strpbrk(s, "pP")))
        return bad;
    if (!has_float) {
        bad = arena_printf(a, "integer overflow: \"%.*s\"", (int)text.n, text.p);
        return bad ? bad : "out of memory";
    }
    n->num.is_int = f >= -0x1p63 && f < 0x1p63 && f == trunc(f);
    n->num.val = (struct tmpl_val){.kind = TMPL_FLOAT, .f = f};
    return NULL;
}

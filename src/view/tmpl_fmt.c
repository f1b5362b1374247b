/* SPDX-License-Identifier: Apache-2.0 */
/* Go's fmt package, for the values that templates have. */
#include "base/time.h"
#include "view/gofloat.h"
#include "view/json_out.h"
#include "view/text.h"
#include "view/tmpl_fmt.h"
#include "view/uni.h"

#define FLOAT_EXP_FROM 21 /* %v and %g print whole numbers up to here */

/* ---- padding ---- */

static void pad(struct formatter *f, struct str s)
{
    size_t width = uni_count(s.p, s.n);
    size_t fill = f->s.has_width && (size_t)f->s.width > width ? (size_t)f->s.width - width : 0;
    char with = f->s.zero && !f->s.minus ? '0' : ' ';
    if (f->s.minus)
        buf_add(f->b, s.p, s.n);
    for (; fill; fill--)
        buf_addc(f->b, with);
    if (!f->s.minus)
        buf_add(f->b, s.p, s.n);
}

static void pad_text(struct formatter *f, const char *s)
{
    pad(f, str_of(s));
}

void fmt_add_verb(struct buf *b, uint32_t verb)
{
    char utf8[4];
    buf_add(b, utf8, uni_encode(verb, utf8));
}

/* %!d(string=abc) */
static int bad_verb(struct formatter *f, uint32_t verb, struct tmpl_val v)
{
    struct formatter plain = {f->x, f->b, {0}};
    buf_adds(f->b, "%!");
    fmt_add_verb(f->b, verb);
    buf_addc(f->b, '(');
    int r = 0;
    if (v.kind == TMPL_NONE || v.kind == TMPL_NIL) {
        buf_adds(f->b, "<nil>");
    } else {
        buf_adds(f->b, val_type(v));
        buf_addc(f->b, '=');
        r = fmt_print(&plain, 'v', v, false);
    }
    buf_addc(f->b, ')');
    return r;
}

/* ---- numbers ---- */

/* Digits of u in `base`, at least `least` of them, into the end of tmp; returns where they begin.
 */
static char *digits_of(uint64_t u, unsigned base, bool upper, char *end)
{
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    do
        *--end = set[u % base];
    while (u /= base);
    return end;
}

static void print_integer(struct formatter *f, int64_t i, unsigned base, uint32_t verb)
{
    char tmp[65], *end = tmp + sizeof tmp;
    uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    char *p = digits_of(u, base, verb == 'X', end);
    size_t n = (size_t)(end - p), least = 0;
    const char *sign = i < 0 ? "-" : f->s.plus ? "+" : f->s.space ? " " : "";
    const char *prefix = verb == 'O' ? "0o" : "";
    if (f->s.sharp && base != 10)
        prefix = base == 2 ? "0b" : base == 8 ? (*p == '0' ? "" : "0") : verb == 'X' ? "0X" : "0x";
    if (f->s.has_prec) {
        least = (size_t)f->s.prec;
        if (f->s.prec == 0 && i == 0)
            n = 0, sign = prefix = "";
    } else if (f->s.zero && !f->s.minus && f->s.has_width) {
        least = (size_t)f->s.width;
        least -= least && *sign ? 1 : 0;
    }
    struct buf text = BUF_INIT(FMT_MAX_WIDTH + 100);
    buf_addf(&text, "%s%s", sign, prefix);
    for (; least > n; least--)
        buf_addc(&text, '0');
    buf_add(&text, end - n, n);
    bool zero = f->s.zero;
    f->s.zero = false;
    pad_text(f, buf_str(&text));
    f->s.zero = zero;
    buf_fail_with(f->b, &text);
    buf_clear(&text);
}

static void print_rune(struct formatter *f, int64_t i, uint32_t verb)
{
    char utf8[5] = "", text[40];
    uint32_t r = i < 0 || i > 0x10ffff ? UNI_BAD : (uint32_t)i;
    utf8[uni_encode(r, utf8)] = 0;
    if (verb == 'c') {
        pad_text(f, r ? utf8 : "");
        return;
    }
    if (verb == 'U') {
        if (f->s.sharp && uni_is_print(r))
            snprintf(text, sizeof text, "U+%04X '%s'", r, utf8);
        else
            snprintf(text, sizeof text, "U+%04llX", (unsigned long long)i);
        pad_text(f, text);
        return;
    }
    struct buf q = BUF_INIT(64);
    if (r == '"' || r == '\'') {
        buf_adds(&q, r == '"' ? "'\"'" : "'\\''");
    } else {
        text_quote(&q, str_of(utf8));
        if (q.failed == 0 && q.n >= 2)
            q.p[0] = q.p[q.n - 1] = '\'';
    }
    pad_text(f, buf_str(&q));
    buf_fail_with(f->b, &q);
    buf_clear(&q);
}

static int print_int(struct formatter *f, uint32_t verb, struct tmpl_val v)
{
    switch (verb) {
    case 'v':
    case 'd':
        print_integer(f, v.i, 10, verb);
        return 0;
    case 'b':
        print_integer(f, v.i, 2, verb);
        return 0;
    case 'o':
    case 'O':
        print_integer(f, v.i, 8, verb);
        return 0;
    case 'x':
    case 'X':
        print_integer(f, v.i, 16, verb);
        return 0;
    case 'c':
    case 'q':
    case 'U':
        print_rune(f, v.i, verb);
        return 0;
    default:
        return bad_verb(f, verb, v);
    }
}

static int print_float(struct formatter *f, uint32_t verb, struct tmpl_val v)
{
    bool general = verb == 'v' || verb == 'g' || verb == 'G';
    if (!general && !(verb < 0x80 && verb && strchr("eEfF", (int)verb)))
        return bad_verb(f, verb, v);
    int prec = f->s.has_prec ? f->s.prec : general ? -1 : 6;
    struct buf text = BUF_INIT(FMT_MAX_WIDTH + 400);
    gofloat_format(&text, v.f, verb == 'v' ? 'g' : (char)verb, prec, FLOAT_EXP_FROM);
    struct str s = str_of(buf_str(&text));
    char sign = s.n && (s.p[0] == '-' || s.p[0] == '+') ? s.p[0] : 0;
    if (sign)
        s = (struct str){s.p + 1, s.n - 1};
    if (sign != '-')
        sign = f->s.plus ? '+' : f->s.space ? ' ' : 0;
    if (f->s.zero && !f->s.minus && f->s.has_width) {
        if (sign) {
            buf_addc(f->b, sign);
            f->s.width -= f->s.width > 0;
        }
        pad(f, s);
    } else {
        struct buf whole = BUF_INIT(FMT_MAX_WIDTH + 400);
        buf_addf(&whole, "%.*s%s", sign ? 1 : 0, &sign, s.p);
        pad_text(f, buf_str(&whole));
        buf_fail_with(f->b, &whole);
        buf_clear(&whole);
    }
    buf_fail_with(f->b, &text);
    buf_clear(&text);
    return 0;
}

/* ---- text ---- */

static struct str cut(const struct formatter *f, struct str s)
{
    if (f->s.has_prec)
        s.n = uni_prefix(s.p, s.n, (size_t)f->s.prec);
    return s;
}

static void print_hex(struct formatter *f, struct str s, bool upper)
{
    struct buf text = BUF_INIT(TMPL_MAX_MEMORY);
    size_t n = f->s.has_prec && (size_t)f->s.prec < s.n ? (size_t)f->s.prec : s.n;
    for (size_t i = 0; i < n; i++) {
        if (f->s.space && i)
            buf_addc(&text, ' ');
        if (f->s.sharp && (f->s.space || i == 0))
            buf_adds(&text, upper ? "0X" : "0x");
        buf_addf(&text, upper ? "%02X" : "%02x", (unsigned char)s.p[i]);
    }
    pad_text(f, buf_str(&text));
    buf_fail_with(f->b, &text);
    buf_clear(&text);
}

static bool fits_backquotes(struct str s)
{
    for (size_t i = 0; i < s.n;) {
        uint32_t r;
        i += uni_decode(s.p + i, s.n - i, &r);
        if (r == UNI_BAD || r == 0xfeff || r == '`' || r == 0x7f || (r < ' ' && r != '\t'))
            return false;
    }
    return true;
}

static void print_quoted(struct formatter *f, struct str s)
{
    struct buf text = BUF_INIT(TMPL_MAX_MEMORY);
    if (f->s.sharp && fits_backquotes(s))
        buf_addf(&text, "`%.*s`", (int)s.n, s.p);
    else
        text_quote(&text, s);
    pad(f, (struct str){buf_str(&text), text.n});
    buf_fail_with(f->b, &text);
    buf_clear(&text);
}

static int print_string(struct formatter *f, uint32_t verb, struct tmpl_val v)
{
    switch (verb) {
    case 'v':
        if (f->s.sharp) {
            struct spec s = f->s;
            f->s.sharp = false;
            print_quoted(f, v.s);
            f->s = s;
            return 0;
        }
        /* fall through */
    case 's':
        pad(f, cut(f, v.s));
        return 0;
    case 'x':
    case 'X':
        print_hex(f, v.s, verb == 'X');
        return 0;
    case 'q':
        print_quoted(f, cut(f, v.s));
        return 0;
    default:
        return bad_verb(f, verb, v);
    }
}

/* ---- containers ---- */

static int print_array(struct formatter *f, uint32_t verb, struct tmpl_val v)
{
    bool syntax = verb == 'v' && f->s.sharp;
    size_t n = json_array_size(v.j);
    int r = exec_step(f->x, n);
    if (syntax)
        buf_adds(f->b, val_type(v));
    buf_addc(f->b, syntax ? '{' : '[');
    for (size_t i = 0; i < n && r == 0; i++) {
        struct tmpl_val item;
        if (i)
            buf_adds(f->b, syntax ? ", " : " ");
        r = exec_load(f->x, json_array_get(v.j, i), &item);
        if (r == 0)
            r = fmt_print(f, verb, item, true);
    }
    buf_addc(f->b, syntax ? '}' : ']');
    return r;
}

/* Are all members {}? docker's sets (volumes, ports) are maps of empty structs, and print so. */
static bool is_set(const json_t *obj)
{
    const char *key;
    json_t *m;
    json_object_foreach((json_t *)obj, key, m)
    {
        if (!json_is_object(m) || json_object_size(m) > 0)
            return false;
    }
    return true;
}

static int print_map(struct formatter *f, uint32_t verb, struct tmpl_val v)
{
    bool syntax = verb == 'v' && f->s.sharp, set = is_set(v.j);
    const char **keys;
    size_t n;
    int r = exec_sorted_keys(f->x, v.j, &keys, &n);
    if (r < 0)
        return r;
    buf_adds(f->b, syntax ? val_type(v) : "map");
    buf_addc(f->b, syntax ? '{' : '[');
    for (size_t i = 0; i < n && r == 0; i++) {
        struct tmpl_val item, key = tmpl_str(keys[i]);
        if (i)
            buf_adds(f->b, syntax ? ", " : " ");
        if (f->x->o->printable)
            r = text_printable(&f->x->a, key.s, &key.s, f->x->e);
        if (r < 0 || (r = fmt_print(f, verb, key, true)) < 0)
            return r;
        buf_addc(f->b, ':');
        if (set)
            buf_adds(f->b, "{}");
        else if ((r = exec_load(f->x, json_object_get(v.j, keys[i]), &item)) == 0)
            r = fmt_print(f, verb, item, true);
    }
    buf_addc(f->b, syntax ? '}' : ']');
    return r;
}

static int print_container(struct formatter *f, uint32_t verb, struct tmpl_val v)
{
    int r = exec_enter(f->x);
    if (r < 0 || (r = buf_check(f->b, f->x->e)) < 0)
        return r;
    r = json_is_array(v.j) ? print_array(f, verb, v) : print_map(f, verb, v);
    f->x->depth--;
    return r;
}

static int print_object(struct formatter *f, struct tmpl_val v)
{
    struct buf text = BUF_INIT(TMPL_MAX_MEMORY);
    int r = fmt_json(f->x, &text, v);
    if (r == 0)
        pad_text(f, buf_str(&text));
    buf_fail_with(f->b, &text);
    buf_clear(&text);
    return r;
}

int fmt_print(struct formatter *f, uint32_t verb, struct tmpl_val v, bool inside)
{
    char duration[64];
    if (v.kind == TMPL_NONE || v.kind == TMPL_NIL) {
        if (inside)
            buf_adds(f->b, verb == 'v' && f->s.sharp ? "interface {}(nil)" : "<nil>");
        else if (verb == 'v' || verb == 'T')
            pad_text(f, "<nil>");
        else
            return bad_verb(f, verb, v);
        return 0;
    }
    if (verb == 'T' && !inside) {
        pad_text(f, val_type(v));
        return 0;
    }
    switch (v.kind) {
    case TMPL_BOOL:
        if (verb != 't' && verb != 'v')
            return bad_verb(f, verb, v);
        pad_text(f, v.b ? "true" : "false");
        return 0;
    case TMPL_INT:
        if (v.type == TMPL_T_DURATION && (verb == 'v' || verb == 's')) {
            pad_text(f, time_format_duration(v.i, duration));
            return 0;
        }
        return print_int(f, verb, v);
    case TMPL_FLOAT:
        return print_float(f, verb, v);
    case TMPL_STR:
        return print_string(f, verb, v);
    case TMPL_JSON:
        return print_container(f, verb, v);
    default:
        return print_object(f, v);
    }
}

/* ---- fmt.Sprint and friends ---- */

int fmt_value(struct exec *x, struct buf *b, struct tmpl_val v)
{
    struct formatter f = {.x = x, .b = b};
    return fmt_print(&f, 'v', v, false);
}

int fmt_sprint(struct exec *x, struct buf *b, const struct tmpl_val *args, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i && args[i].kind != TMPL_STR && args[i - 1].kind != TMPL_STR)
            buf_addc(b, ' ');
        int r = fmt_value(x, b, args[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

int fmt_sprintln(struct exec *x, struct buf *b, const struct tmpl_val *args, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_addc(b, ' ');
        int r = fmt_value(x, b, args[i]);
        if (r < 0)
            return r;
    }
    buf_addc(b, '\n');
    return 0;
}

int fmt_json(struct exec *x, struct buf *b, struct tmpl_val v)
{
    unsigned flags = x->o->printable ? JSON_OUT_ASCII : 0;
    switch (v.kind) {
    case TMPL_BOOL:
        buf_adds(b, v.b ? "true" : "false");
        return 0;
    case TMPL_INT:
        buf_addf(b, "%lld", (long long)v.i);
        return 0;
    case TMPL_FLOAT:
        gofloat_json(b, v.f);
        return 0;
    case TMPL_STR:
        json_out_string(b, v.s, flags);
        return 0;
    case TMPL_JSON:
        if (v.type == TMPL_T_NIL) {
            buf_adds(b, "null");
            return 0;
        }
        json_out_compact(b, v.j, flags);
        return exec_step(x, b->n / 64);
    case TMPL_OBJ:
        if (v.obj.o->to_json)
            return v.obj.o->to_json(v.obj.p, &x->a, b, x->e);
        buf_adds(b, "{}");
        return 0;
    default:
        buf_adds(b, "null");
        return 0;
    }
}

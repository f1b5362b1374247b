/* SPDX-License-Identifier: Apache-2.0 */
/* fmt.Sprintf: a format worked through. */
#include "view/tmpl_fmt.h"
#include "view/uni.h"

struct scan {
    struct formatter f;
    struct str s;
    size_t i;
    const struct tmpl_val *args;
    size_t n, next;
    bool reordered, good_index;
};

static int peek(const struct scan *c)
{
    return c->i < c->s.n ? (unsigned char)c->s.p[c->i] : -1;
}

static bool number(struct scan *c, int *ret)
{
    int v = 0;
    bool any = false;
    for (; peek(c) >= '0' && peek(c) <= '9'; c->i++) {
        v = v > FMT_MAX_WIDTH ? v : v * 10 + (peek(c) - '0');
        any = true;
    }
    *ret = v;
    return any && v <= FMT_MAX_WIDTH;
}

/* [n]: the argument that comes next. */
static bool arg_index(struct scan *c)
{
    int v;
    if (peek(c) != '[')
        return false;
    c->reordered = true;
    const char *close = memchr(c->s.p + c->i, ']', c->s.n - c->i);
    size_t end = close ? (size_t)(close - c->s.p) : c->i;
    c->i++;
    bool good = close && number(c, &v) && c->i == end && v >= 1 && (size_t)v <= c->n;
    if (close)
        c->i = end + 1;
    if (good)
        c->next = (size_t)v - 1;
    else
        c->good_index = false;
    return good;
}

static void flags(struct scan *c)
{
    struct spec *s = &c->f.s;
    for (;; c->i++) {
        switch (peek(c)) {
        case '#':
            s->sharp = true;
            break;
        case '0':
            s->zero = !s->minus;
            break;
        case '+':
            s->plus = true;
            break;
        case '-':
            s->minus = true;
            s->zero = false;
            break;
        case ' ':
            s->space = true;
            break;
        default:
            return;
        }
    }
}

/* The value of a star. */
static bool star(struct scan *c, int *ret)
{
    c->i++;
    if (c->next >= c->n)
        return false;
    struct tmpl_val v = c->args[c->next++];
    if (v.kind != TMPL_INT || v.i > FMT_MAX_WIDTH || v.i < -FMT_MAX_WIDTH)
        return false;
    *ret = (int)v.i;
    return true;
}

static void width_and_precision(struct scan *c)
{
    struct spec *s = &c->f.s;
    bool indexed = arg_index(c);
    if (peek(c) == '*') {
        s->has_width = star(c, &s->width);
        if (!s->has_width)
            buf_adds(c->f.b, "%!(BADWIDTH)");
        if (s->width < 0) {
            s->width = -s->width;
            s->minus = true;
            s->zero = false;
        }
        indexed = false;
    } else {
        s->has_width = number(c, &s->width);
        if (indexed && s->has_width)
            c->good_index = false;
    }
    if (peek(c) != '.') {
        if (!indexed)
            arg_index(c);
        return;
    }
    c->i++;
    if (indexed)
        c->good_index = false;
    indexed = arg_index(c);
    if (peek(c) == '*') {
        s->has_prec = star(c, &s->prec) && s->prec >= 0;
        if (!s->has_prec)
            buf_adds(c->f.b, "%!(BADPREC)");
        indexed = false;
    } else {
        s->has_prec = number(c, &s->prec) || s->prec == 0;
    }
    if (!indexed)
        arg_index(c);
}

static int verb(struct scan *c)
{
    uint32_t v;
    struct buf *b = c->f.b;
    c->i++;
    c->good_index = true;
    c->f.s = (struct spec){0};
    flags(c);
    width_and_precision(c);
    if (c->i >= c->s.n) {
        buf_adds(b, "%!(NOVERB)");
        return 0;
    }
    c->i += uni_decode(c->s.p + c->i, c->s.n - c->i, &v);
    if (v == '%') {
        buf_addc(b, '%');
        return 0;
    }
    if (!c->good_index || c->next >= c->n) {
        buf_adds(b, "%!");
        fmt_add_verb(b, v);
        buf_adds(b, c->good_index ? "(MISSING)" : "(BADINDEX)");
        return 0;
    }
    int r = exec_step(c->f.x, 1 + (c->f.s.has_width ? (uint64_t)c->f.s.width / 64 : 0));
    return r < 0 ? r : fmt_print(&c->f, v, c->args[c->next++], false);
}

static int extra(struct scan *c)
{
    c->f.s = (struct spec){0};
    buf_adds(c->f.b, "%!(EXTRA ");
    for (size_t i = c->next; i < c->n; i++) {
        struct tmpl_val v = c->args[i];
        if (i > c->next)
            buf_adds(c->f.b, ", ");
        if (v.kind == TMPL_NONE || v.kind == TMPL_NIL) {
            buf_adds(c->f.b, "<nil>");
            continue;
        }
        buf_addf(c->f.b, "%s=", val_type(v));
        int r = fmt_print(&c->f, 'v', v, false);
        if (r < 0)
            return r;
    }
    buf_addc(c->f.b, ')');
    return 0;
}

int fmt_sprintf(struct exec *x, struct buf *b, struct str format, const struct tmpl_val *args,
                size_t n)
{
    struct scan c = {.f = {.x = x, .b = b}, .s = format, .args = args, .n = n};
    while (c.i < c.s.n) {
        const char *at = memchr(c.s.p + c.i, '%', c.s.n - c.i);
        size_t end = at ? (size_t)(at - c.s.p) : c.s.n;
        buf_add(b, c.s.p + c.i, end - c.i);
        c.i = end;
        int r = at ? verb(&c) : 0;
        if (r < 0)
            return r;
    }
    return !c.reordered && c.next < c.n ? extra(&c) : 0;
}

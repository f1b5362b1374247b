/* SPDX-License-Identifier: Apache-2.0 */
#include "view/text.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "view/uni.h"

size_t text_width(struct str s)
{
    size_t width = 0;
    uint32_t r;
    for (size_t i = 0; i < s.n; width += (size_t)uni_width(r))
        i += uni_decode(s.p + i, s.n - i, &r);
    return width;
}

size_t text_fit(struct str s, size_t width)
{
    size_t i = uni_plain(s.p, s.n < width ? s.n : width), used = i;
    while (i < s.n) {
        uint32_t r;
        size_t n = uni_decode(s.p + i, s.n - i, &r);
        used += (size_t)uni_width(r);
        if (used > width)
            break;
        i += n;
    }
    return i;
}

const char *text_ellipsis(struct arena *a, const char *s, size_t width)
{
    struct str all = str_of(s);
    uint32_t r;
    if (width == 0 || all.n == 0)
        return "";
    if (width == 1)
        return arena_strndup(a, s, uni_decode(s, all.n, &r));
    if (text_fit(all, width) == all.n)
        return s;
    size_t keep = text_fit(all, width - 1);
    return arena_printf(a, "%.*s\u2026", (int)keep, s);
}

void text_shorten(struct buf *b, size_t from, size_t width)
{
    if (b->failed || from >= b->n || width < 2)
        return;
    struct str all = {b->p + from, b->n - from};
    if (text_fit(all, width) == all.n)
        return;
    b->n = from + text_fit(all, width - 1);
    buf_adds(b, "\u2026");
}

/* What must not reach a terminal as it is. */
static bool is_control(uint32_t r)
{
    return r < 0x20 || (r >= 0x7f && r < 0xa0);
}

bool text_is_clean(struct str s)
{
    size_t i = uni_plain(s.p, s.n);
    while (i < s.n) {
        uint32_t r;
        size_t n = uni_decode(s.p + i, s.n - i, &r);
        if (is_control(r) || (r == UNI_BAD && n == 1))
            return false;
        i += n;
    }
    return true;
}

/* One character as Go escapes it in a quoted string. */
static void add_escaped(struct buf *b, uint32_t r, bool bad, unsigned char byte)
{
    static const char names[] = "\a\b\t\n\v\f\r", letters[] = "abtnvfr";
    const char *at = r && r < 0x20 ? strchr(names, (int)r) : NULL;
    if (bad)
        buf_addf(b, "\\x%02x", byte);
    else if (at)
        buf_addf(b, "\\%c", letters[at - names]);
    else if (r < 0x80)
        buf_addf(b, "\\x%02x", r);
    else if (r < 0x10000)
        buf_addf(b, "\\u%04x", r);
    else
        buf_addf(b, "\\U%08x", r);
}

void text_escape(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n;) {
        uint32_t r;
        size_t n = uni_decode(s.p + i, s.n - i, &r);
        bool bad = r == UNI_BAD && n == 1;
        if (is_control(r) || bad)
            add_escaped(b, r, bad, (unsigned char)s.p[i]);
        else
            buf_add(b, s.p + i, n);
        i += n;
    }
}

int text_printable(struct arena *a, struct str s, struct str *ret, struct shale_err *e)
{
    if (text_is_clean(s)) {
        *ret = s;
        return 0;
    }
    /* Ten bytes is the longest that one byte of input can become. */
    struct buf b = BUF_INIT(s.n * 10 + 1);
    text_escape(&b, s);
    char *copy = buf_check(&b, NULL) < 0 ? NULL : arena_memdup(a, b.p, b.n + 1);
    size_t len = b.n;
    buf_clear(&b);
    if (!copy)
        return err_nomem(e);
    *ret = (struct str){copy, len};
    return 0;
}

void text_quote(struct buf *b, struct str s)
{
    buf_addc(b, '"');
    if (s.n > 0 && uni_plain(s.p, s.n) == s.n && !memchr(s.p, '"', s.n) &&
        !memchr(s.p, '\\', s.n)) {
        buf_add(b, s.p, s.n);
        s.n = 0;
    }
    for (size_t i = 0; i < s.n;) {
        uint32_t r;
        size_t n = uni_decode(s.p + i, s.n - i, &r);
        bool bad = r == UNI_BAD && n == 1;
        if (r == '"' || r == '\\')
            buf_addf(b, "\\%c", (char)r);
        else if (bad || !uni_is_print(r))
            add_escaped(b, r, bad, (unsigned char)s.p[i]);
        else
            buf_add(b, s.p + i, n);
        i += n;
    }
    buf_addc(b, '"');
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "http/query.h"

#include "base/buf.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *http_percent_decode(struct str s, bool plus, struct arena *a)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;

    if (!out)
        return NULL;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '%') {
            bool two = s.n - i > 2;
            int hi = two ? hex_value(s.p[i + 1]) : -1, lo = two ? hex_value(s.p[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return NULL;
            c = (unsigned char)(hi * 16 + lo);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c < 0x20 || c == 0x7f)
            return NULL;
        out[n++] = (char)c;
    }
    out[n] = 0;
    return out;
}

bool http_query_parse(struct str s, struct arena *a, struct http_query *ret)
{
    struct str piece;

    ret->n = 0;
    while (str_split(&s, '&', &piece)) {
        if (piece.n == 0)
            continue;
        if (ret->n == HTTP_MAX_QUERY_FIELDS)
            return false;
        const char *eq = memchr(piece.p, '=', piece.n);
        size_t n = eq ? (size_t)(eq - piece.p) : piece.n;
        struct str value = eq ? (struct str){eq + 1, piece.n - n - 1} : STR("");
        ret->v[ret->n].name = http_percent_decode((struct str){piece.p, n}, true, a);
        ret->v[ret->n].value = http_percent_decode(value, true, a);
        if (!ret->v[ret->n].name || !ret->v[ret->n].value)
            return false;
        ret->n++;
    }
    return true;
}

const char *http_query_get(const struct http_query *q, const char *name)
{
    for (size_t i = 0; i < q->n; i++)
        if (streq(q->v[i].name, name))
            return q->v[i].value;
    return NULL;
}

void http_percent_encode(struct buf *b, const char *s, const char *keep)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c) || strchr(keep, c);
        if (plain)
            buf_addc(b, (char)c);
        else
            buf_addf(b, "%%%02X", c);
    }
}

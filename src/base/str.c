/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

#define DISTANCE_MAX_LEN 64

bool str_has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool str_ieq(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return lower(*a) == lower(*b);
}

bool str_to_u64(const char *s, uint64_t *ret)
{
    uint64_t v = 0;

    if (!*s)
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
            return false;
    }
    *ret = v;
    return true;
}

bool str_to_i64(const char *s, int64_t *ret)
{
    bool negative = *s == '-';
    uint64_t v;

    if (*s == '-' || *s == '+')
        s++;
    if (!str_to_u64(s, &v) || v > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool str_split(struct str *rest, char sep, struct str *ret)
{
    if (!rest->p)
        return false;
    const char *q = memchr(rest->p, sep, rest->n);
    if (!q) {
        *ret = *rest;
        *rest = (struct str){NULL, 0};
        return true;
    }
    *ret = (struct str){rest->p, (size_t)(q - rest->p)};
    rest->n -= ret->n + 1;
    rest->p = q + 1;
    return true;
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n && blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

/* Length of the well-formed UTF-8 sequence at p, 0 if there is none. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80       ? 1
                 : p[0] >> 5 == 6  ? 2
                 : p[0] >> 4 == 14 ? 3
                 : p[0] >> 3 == 30 ? 4
                                   : 0;
    uint32_t c;

    if (len <= 1)
        return len;
    if (len > n)
        return 0;
    c = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    return len;
}

bool str_is_utf8(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = utf8_len((const unsigned char *)s + i, n - i);
        if (!len)
            return false;
        i += len;
    }
    return true;
}

char *str_printable(char *dst, size_t n, const char *s)
{
    size_t left = strlen(s), used = 0;

    while (left) {
        const unsigned char *p = (const unsigned char *)s;
        size_t len = utf8_len(p, left);
        bool plain = len && p[0] >= 0x20 && p[0] != 0x7f &&
                     !(len == 2 && p[0] == 0xc2 && p[1] < 0xa0); /* C1 controls */
        size_t need = plain ? len : 4;
        if (used + need >= n)
            break;
        if (plain)
            memcpy(dst + used, s, len);
        else
            snprintf(dst + used, 5, "\\x%02x", p[0]);
        used += need;
        s += plain ? len : 1;
        left -= plain ? len : 1;
    }
    if (n)
        dst[used] = 0;
    return dst;
}

size_t str_distance(const char *a, const char *b, size_t max)
{
    size_t row[DISTANCE_MAX_LEN + 1], n = strlen(a), m = strlen(b);

    if (n > DISTANCE_MAX_LEN || m > DISTANCE_MAX_LEN)
        return max + 1;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[m] > max ? max + 1 : row[m];
}

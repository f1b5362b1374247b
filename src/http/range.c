/* SPDX-License-Identifier: Apache-2.0 */
#include "http/range.h"

#include <string.h>
#include <strings.h>

/* Decimal digits at *p; false without any or if it does not fit. Moves *p behind them. */
static bool take_number(const char **p, uint64_t *ret)
{
    const char *s = *p;
    uint64_t v = 0;

    while (*s >= '0' && *s <= '9') {
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
            return false;
        s++;
    }
    if (s == *p)
        return false;
    *p = s;
    *ret = v;
    return true;
}

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static enum http_range suffix(const char *p, uint64_t size, uint64_t *first, uint64_t *last)
{
    uint64_t n;

    if (!take_number(&p, &n) || *skip_blanks(p))
        return HTTP_RANGE_NONE;
    if (n == 0 || size == 0)
        return HTTP_RANGE_WRONG;
    *first = n < size ? size - n : 0;
    *last = size - 1;
    return HTTP_RANGE_PART;
}

enum http_range http_range_parse(const char *value, uint64_t size, uint64_t *first, uint64_t *last)
{
    uint64_t a, b = UINT64_MAX;

    if (!value || strncasecmp(value, "bytes", 5) != 0)
        return HTTP_RANGE_NONE;
    const char *p = skip_blanks(value + 5);
    if (*p != '=')
        return HTTP_RANGE_NONE;
    p = skip_blanks(p + 1);
    if (*p == '-')
        return suffix(p + 1, size, first, last);
    if (!take_number(&p, &a) || *p++ != '-')
        return HTTP_RANGE_NONE;
    if (*skip_blanks(p)) {
        if (!take_number(&p, &b) || *skip_blanks(p) || b < a)
            return HTTP_RANGE_NONE;
    }
    if (a >= size)
        return HTTP_RANGE_WRONG;
    *first = a;
    *last = b < size ? b : size - 1;
    return HTTP_RANGE_PART;
}

bool http_upload_range_parse(const char *value, uint64_t *first, uint64_t *last)
{
    uint64_t a, b, total;
    const char *p = skip_blanks(value);

    if (strncasecmp(p, "bytes", 5) == 0) {
        p += 5;
        if (*p != ' ' && *p != '=')
            return false;
        p = skip_blanks(p + 1);
    }
    if (!take_number(&p, &a) || *p++ != '-' || !take_number(&p, &b) || b < a || b == UINT64_MAX)
        return false;
    if (*p == '/') {
        p++;
        if (*p == '*')
            p++;
        else if (!take_number(&p, &total) || total <= b)
            return false;
    }
    if (*skip_blanks(p))
        return false;
    *first = a;
    *last = b;
    return true;
}

bool http_etag_matches(const char *value, const char *etag)
{
    size_t n = strlen(etag);

    if (!value)
        return false;
    for (const char *p = value;;) {
        while (*p == ' ' || *p == '\t' || *p == ',')
            p++;
        if (!*p)
            return false;
        if (*p == '*' && !*skip_blanks(p + 1))
            return true;
        if (strncmp(p, "W/", 2) == 0)
            p += 2;
        if (strncmp(p, etag, n) == 0 && (!p[n] || strchr(", \t", p[n])))
            return true;
        const char *end = *p == '"' ? strchr(p + 1, '"') : NULL; /* a tag may hold commas */
        p = end ? end + 1 : p + strcspn(p, ",");
    }
}

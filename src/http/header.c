/* SPDX-License-Identifier: Apache-2.0 */
#include "http/header.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"

#define NS_MAX_PAUSE (24 * 3600 * NS_PER_S)

static bool is_token(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static const char *skip_separators(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == ',')
        p++;
    return p;
}

/* A token at p in lower case; NULL (and nothing read) when there is none. */
static const char *take_token(const char **p, struct arena *a)
{
    size_t n = 0;

    while (is_token((*p)[n]))
        n++;
    char *t = n ? arena_strndup(a, *p, n) : NULL;
    for (size_t i = 0; t && i < n; i++)
        t[i] = (char)tolower((unsigned char)t[i]);
    if (t)
        *p += n;
    return t;
}

static const char *take_quoted(const char **p, struct arena *a)
{
    const char *s = *p + 1;
    char *v = arena_alloc(a, strlen(s) + 1);
    size_t n = 0;

    if (!v)
        return NULL;
    for (; *s && *s != '"'; s++) {
        if (*s == '\\' && s[1])
            s++;
        v[n++] = *s;
    }
    if (*s != '"')
        return NULL;
    *p = s + 1;
    return v;
}

/* token or quoted string; also the characters that URLs have and tokens do not, which some servers
 * send bare */
static const char *take_value(const char **p, struct arena *a)
{
    size_t n;

    if (**p == '"')
        return take_quoted(p, a);
    n = strcspn(*p, " \t,;\"");
    char *v = arena_strndup(a, *p, n);
    if (v)
        *p += n;
    return v;
}

/* "name=value" at *p; false, with *p where it was, when it is something else. */
static bool take_param(const char **p, struct arena *a, struct http_param *ret)
{
    const char *q = *p;
    const char *name = take_token(&q, a);

    if (!name)
        return false;
    q = skip_blanks(q);
    if (*q != '=')
        return false;
    q = skip_blanks(q + 1);
    const char *value = take_value(&q, a);
    if (!value)
        return false;
    *ret = (struct http_param){name, value};
    *p = q;
    return true;
}

size_t http_parse_challenges(const char *value, struct arena *a,
                             struct http_challenge ret[HTTP_MAX_CHALLENGES])
{
    const char *p = skip_separators(value);
    size_t n = 0;

    while (*p && n < HTTP_MAX_CHALLENGES) {
        struct http_challenge *c = &ret[n];
        *c = (struct http_challenge){.scheme = take_token(&p, a)};
        if (!c->scheme)
            return n;
        p = skip_blanks(p);
        if (*p && *p != ',' && p[-1] != ' ' && p[-1] != '\t') /* "a=b" without a scheme */
            return n;
        while (c->n_params < HTTP_MAX_PARAMS && take_param(&p, a, &c->params[c->n_params])) {
            c->n_params++;
            p = skip_separators(p);
        }
        if (c->n_params == HTTP_MAX_PARAMS)
            return n;
        p = skip_separators(p);
        n++;
    }
    return n;
}

const char *http_challenge_get(const struct http_challenge *c, const char *name)
{
    for (size_t i = 0; i < c->n_params; i++)
        if (streq(c->params[i].name, name))
            return c->params[i].value;
    return NULL;
}

/* ---- Link ---- */

static bool says_next(const char **p, struct arena *a)
{
    bool next = false;

    for (*p = skip_blanks(*p); **p == ';'; *p = skip_blanks(*p)) {
        struct http_param param;
        *p = skip_blanks(*p + 1);
        if (!take_param(p, a, &param)) {
            *p += strcspn(*p, ";,");
            continue;
        }
        next |= streq(param.name, "rel") && str_ieq(param.value, "next");
    }
    return next;
}

char *http_parse_link_next(const char *value, struct arena *a)
{
    const char *p = skip_separators(value);

    while (*p == '<') {
        const char *end = strchr(++p, '>');
        if (!end)
            return NULL;
        char *url = arena_strndup(a, p, (size_t)(end - p));
        p = end + 1;
        if (says_next(&p, a))
            return url && *url ? url : NULL;
        p = skip_separators(p);
    }
    return NULL;
}

/* ---- Retry-After, Content-Range ---- */

bool http_parse_retry_after(const char *value, int64_t now_ns, int64_t *ret_ns)
{
    uint64_t s;
    struct tm tm = {0};

    if (str_to_u64(value, &s)) {
        *ret_ns = s > (uint64_t)(NS_MAX_PAUSE / NS_PER_S) ? NS_MAX_PAUSE : (int64_t)s * NS_PER_S;
        return true;
    }
    const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return false;
    int64_t t = (int64_t)timegm(&tm), now_s = now_ns / NS_PER_S;
    int64_t pause = t > now_s ? t - now_s : 0;
    *ret_ns = pause > NS_MAX_PAUSE / NS_PER_S ? NS_MAX_PAUSE : pause * NS_PER_S;
    return true;
}

static bool take_number(const char **p, uint64_t *ret)
{
    char text[24];
    size_t n = strspn(*p, "0123456789");

    if (n == 0 || n >= sizeof text)
        return false;
    memcpy(text, *p, n);
    text[n] = 0;
    *p += n;
    return str_to_u64(text, ret);
}

bool http_parse_content_range(const char *value, uint64_t *ret_first, uint64_t *ret_last,
                              uint64_t *ret_total)
{
    static const char unit[] = "bytes ";
    const char *p = value + sizeof unit - 1;
    uint64_t first, last, total = UINT64_MAX;

    if (strncasecmp(value, unit, sizeof unit - 1) != 0 || !take_number(&p, &first) || *p++ != '-' ||
        !take_number(&p, &last) || *p++ != '/' || last < first || last == UINT64_MAX)
        return false;
    if (*p == '*')
        p++;
    else if (!take_number(&p, &total) || last >= total)
        return false;
    if (*p)
        return false;
    *ret_first = first;
    *ret_last = last;
    *ret_total = total;
    return true;
}

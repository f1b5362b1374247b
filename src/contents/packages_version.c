/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two versions is newer: dpkg (deb-version(7)), rpm (rpm-version(7)), apk. */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "contents/packages.h"

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Numbers of any length, passed over in both. */
static int numbers(const char **a, const char *a_end, const char **b, const char *b_end)
{
    while (*a < a_end && **a == '0')
        ++*a;
    while (*b < b_end && **b == '0')
        ++*b;
    const char *x = *a, *y = *b;
    while (*a < a_end && digit(**a))
        ++*a;
    while (*b < b_end && digit(**b))
        ++*b;
    size_t n = (size_t)(*a - x), k = (size_t)(*b - y);
    return n != k ? (n < k ? -1 : 1) : memcmp(x, y, n);
}

/* "epoch:rest": cuts the epoch off. */
static struct str epoch(struct str *v)
{
    const char *colon = memchr(v->p, ':', v->n);
    struct str none = STR("");

    for (const char *p = v->p; colon && p < colon; p++)
        if (!digit(*p))
            return none;
    if (!colon)
        return none;
    struct str e = {v->p, (size_t)(colon - v->p)};
    v->n -= e.n + 1;
    v->p = colon + 1;
    return e;
}

static int epochs(struct str *a, struct str *b)
{
    struct str x = epoch(a), y = epoch(b);
    const char *p = x.p, *q = y.p;

    return numbers(&p, x.p + x.n, &q, y.p + y.n);
}

/* "version-release": cuts the part behind the last '-' off. */
static struct str revision(struct str *v)
{
    const char *dash = v->n ? memrchr(v->p, '-', v->n) : NULL;

    if (!dash)
        return STR("");
    struct str r = {dash + 1, (size_t)(v->p + v->n - dash - 1)};
    v->n = (size_t)(dash - v->p);
    return r;
}

/* ---- dpkg ---- */

/* '~' before everything, also before the end; letters before the rest. */
static int weight(const char *p, const char *end)
{
    if (p == end || digit(*p))
        return 0;
    return *p == '~' ? -1 : alpha(*p) ? (unsigned char)*p : (unsigned char)*p + 256;
}

static int dpkg_part(struct str x, struct str y)
{
    const char *a = x.p, *b = y.p, *a_end = x.p + x.n, *b_end = y.p + y.n;

    while (a < a_end || b < b_end) {
        while ((a < a_end && !digit(*a)) || (b < b_end && !digit(*b))) {
            int n = weight(a, a_end), k = weight(b, b_end);
            if (n != k)
                return n - k;
            a += a < a_end;
            b += b < b_end;
        }
        int r = numbers(&a, a_end, &b, b_end);
        if (r)
            return r;
    }
    return 0;
}

static int dpkg(struct str a, struct str b)
{
    int r = epochs(&a, &b);
    struct str x = revision(&a), y = revision(&b);

    if (!r)
        r = dpkg_part(a, b);
    return r ? r : dpkg_part(x, y);
}

/* ---- rpm ---- */

static const char *separators(const char *p, const char *end)
{
    while (p < end && !digit(*p) && !alpha(*p) && *p != '~' && *p != '^')
        p++;
    return p;
}

/* '~' is before everything and '^' before everything but the end. 2: neither is here. */
static int rpm_marks(const char **a, const char *a_end, const char **b, const char *b_end)
{
    char x = *a < a_end ? **a : 0, y = *b < b_end ? **b : 0;

    if (x == '~' || y == '~') {
        if (x != y)
            return x == '~' ? -1 : 1;
    } else if (x == '^' || y == '^') {
        if (!x || !y)
            return x ? 1 : -1;
        if (x != y)
            return x == '^' ? -1 : 1;
    } else {
        return 2;
    }
    ++*a;
    ++*b;
    return 0;
}

static int letters(const char **a, const char *a_end, const char **b, const char *b_end)
{
    const char *x = *a, *y = *b;

    while (*a < a_end && alpha(**a))
        ++*a;
    while (*b < b_end && alpha(**b))
        ++*b;
    size_t n = (size_t)(*a - x), k = (size_t)(*b - y);
    int r = memcmp(x, y, n < k ? n : k);
    return r ? r : (n > k) - (n < k);
}

static int rpm_part(struct str x, struct str y)
{
    const char *a = x.p, *b = y.p, *a_end = x.p + x.n, *b_end = y.p + y.n;

    for (;;) {
        a = separators(a, a_end);
        b = separators(b, b_end);
        int r = rpm_marks(&a, a_end, &b, b_end);
        if (r == 0)
            continue;
        if (r != 2)
            return r;
        if (a == a_end || b == b_end)
            return (a < a_end) - (b < b_end);
        if (digit(*a) != digit(*b)) /* numbers are newer than letters */
            return digit(*a) ? 1 : -1;
        r = digit(*a) ? numbers(&a, a_end, &b, b_end) : letters(&a, a_end, &b, b_end);
        if (r)
            return r;
    }
}

static int rpm(struct str a, struct str b)
{
    int r = epochs(&a, &b);
    struct str x = revision(&a), y = revision(&b);

    if (!r)
        r = rpm_part(a, b);
    /* Who names no release means any. */
    return r || !x.n || !y.n ? r : rpm_part(x, y);
}

/* ---- apk: 1.2.3b_rc1_p2-r4 ---- */

static const char *const suffixes[] = {"alpha", "beta", "pre", "rc", "",
                                       "cvs",   "svn",  "git", "hg", "p"};

/* The place of "_suffix" in their order; "" is that of none. Passed over. */
static size_t suffix(const char **p, const char *end)
{
    size_t best = 4, best_n = 0;

    if (*p == end || **p != '_')
        return best;
    ++*p;
    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        size_t n = strlen(suffixes[i]);
        if (n > best_n && (size_t)(end - *p) >= n && memcmp(*p, suffixes[i], n) == 0) {
            best = i;
            best_n = n;
        }
    }
    *p += best_n;
    return best;
}

static bool at(const char *p, const char *end, char c)
{
    return p < end && *p == c;
}

/* "1.2.3": who goes on is newer. */
static int apk_numbers(const char **a, const char *a_end, const char **b, const char *b_end)
{
    int r = numbers(a, a_end, b, b_end);

    while (!r && at(*a, a_end, '.') && at(*b, b_end, '.')) {
        ++*a;
        ++*b;
        r = numbers(a, a_end, b, b_end);
    }
    return r ? r : at(*a, a_end, '.') - at(*b, b_end, '.');
}

static int apk_suffixes(const char *a, const char *a_end, const char *b, const char *b_end)
{
    int r = 0;

    while (!r && (a < a_end || b < b_end)) {
        size_t n = suffix(&a, a_end), k = suffix(&b, b_end);
        r = n != k ? (n < k ? -1 : 1) : numbers(&a, a_end, &b, b_end);
        if (!r && ((a < a_end && *a != '_') || (b < b_end && *b != '_'))) /* no version of apk's */
            return (a_end - a > b_end - b) - (a_end - a < b_end - b);
    }
    return r;
}

static int apk(struct str x, struct str y)
{
    struct str rx = revision(&x), ry = revision(&y);
    const char *a = x.p, *b = y.p, *a_end = x.p + x.n, *b_end = y.p + y.n;
    int r = apk_numbers(&a, a_end, &b, b_end);

    if (!r)
        r = letters(&a, a_end, &b, b_end);
    if (!r)
        r = apk_suffixes(a, a_end, b, b_end);
    if (r || !rx.n || !ry.n)
        return r;
    a = rx.p + (*rx.p == 'r');
    b = ry.p + (*ry.p == 'r');
    return numbers(&a, rx.p + rx.n, &b, ry.p + ry.n);
}

int packages_compare(enum contents_db db, const char *a, const char *b)
{
    static int (*const compare[])(struct str a, struct str b) = {
        [CONTENTS_DPKG] = dpkg, [CONTENTS_APK] = apk, [CONTENTS_RPM] = rpm};
    int r = compare[db](str_of(a), str_of(b));

    return (r > 0) - (r < 0);
}

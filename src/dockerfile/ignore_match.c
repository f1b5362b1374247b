/* SPDX-License-Identifier: Apache-2.0 */
/* All places of the path that can be reached are known after each piece of the pattern; so there is
 * no going back, and no pattern that takes long. */
#include "dockerfile/ignore_match.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"

enum piece_type { PIECE_CHAR, PIECE_ONE, PIECE_RUN, PIECE_CLASS, PIECE_FOLDERS, PIECE_ALL };
struct piece {
    enum piece_type type;
    struct str text;  /* of PIECE_CHAR: the character; of PIECE_CLASS: what is in the brackets */
    const char *next; /* what is behind it in the pattern */
};
struct places {
    const char *path;
    size_t n;
    size_t first, last;          /* first > last: none */
    bool at[MATCH_MAX_PATH + 1]; /* n + 1 of them are used */
};

static size_t char_bytes(const char *s, const char *end)
{
    unsigned char c = (unsigned char)*s;
    size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    if (n > (size_t)(end - s))
        return 1;
    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            return 1;
    return n;
}

static uint32_t char_value(const char *s, size_t n)
{
    uint32_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | (unsigned char)s[i];
    return v; /* in the order of code points, too */
}

/* One character of a class, maybe escaped; the place behind it, NULL: there is none. */
static const char *class_char(const char *s, const char *end, uint32_t *ret)
{
    if (s < end && *s == '\\')
        s++;
    if (s >= end)
        return NULL;
    size_t n = char_bytes(s, end);
    *ret = char_value(s, n);
    return s + n;
}

/* s is behind '['. The place behind ']', NULL: it is not closed, or empty. With c, *ret says
 * whether c is in it. */
static const char *class_end(const char *s, const char *end, const uint32_t *c, bool *ret)
{
    bool negated = s < end && *s == '^', in = false;
    const char *first = s += negated;

    while (s < end && (*s != ']' || s == first)) {
        uint32_t lo = 0, hi = 0;
        if (*s == ']' || *s == '-')
            return NULL;
        s = class_char(s, end, &lo);
        hi = lo;
        if (s && s + 1 < end && *s == '-') {
            if (s[1] == ']' || s[1] == '-')
                return NULL;
            s = class_char(s + 1, end, &hi);
        }
        if (!s)
            return NULL;
        in = in || (c && lo <= *c && *c <= hi);
    }
    if (s >= end)
        return NULL;
    if (ret)
        *ret = in != negated;
    return s + 1;
}

bool match_is_valid(const char *pattern)
{
    const char *end = pattern + strlen(pattern);

    for (const char *s = pattern; s < end;) {
        if (*s == '\\' && s + 1 == end)
            return false;
        if (*s == '[') {
            s = class_end(s + 1, end, NULL, NULL);
            if (!s)
                return false;
        } else {
            s += *s == '\\' ? 2 : 1;
        }
    }
    return true;
}

/* Plain text up to the end of the pattern? Then a "**" before it stands for anything. */
static bool is_plain(const char *s, const char *end)
{
    for (; s < end; s++)
        if (strchr("*?[]\\", *s))
            return false;
    return true;
}

static struct piece piece_at(const char *pattern, const char *s, const char *end)
{
    size_t n = char_bytes(s, end);
    struct piece one = {PIECE_CHAR, {s, n}, s + n};

    if (*s == '?')
        one.type = PIECE_ONE;
    if (*s == '[') {
        const char *behind = class_end(s + 1, end, NULL, NULL);
        if (behind)
            one = (struct piece){PIECE_CLASS, {s + 1, (size_t)(behind - s - 1)}, behind};
    }
    if (*s == '\\' && s + 1 < end) {
        n = char_bytes(s + 1, end);
        one = (struct piece){PIECE_CHAR, {s + 1, n}, s + 1 + n};
    }
    if (*s != '*')
        return one;
    one.type = PIECE_RUN;
    if (s + 1 == end || s[1] != '*')
        return one;
    bool slash = s + 2 < end && s[2] == '/';
    one.next = s + 2 + slash;
    bool before_text = s == pattern && !slash && is_plain(s + 2, end);
    one.type = one.next == end || before_text ? PIECE_ALL : PIECE_FOLDERS;
    return one;
}

static bool is_one(const struct piece *p, const char *c, size_t n)
{
    bool in = true;

    if (p->type == PIECE_CHAR)
        return n == p->text.n && memcmp(c, p->text.p, n) == 0;
    if (*c == '/')
        return false;
    if (p->type == PIECE_CLASS) {
        uint32_t v = char_value(c, n);
        class_end(p->text.p, p->text.p + p->text.n, &v, &in);
    }
    return in;
}

/* A single character: each place moves behind it, or is gone. */
static void step_one(struct places *x, const struct piece *p)
{
    size_t first = x->n + 1, last = 0;

    for (size_t i = x->last + 1; i-- > x->first;) {
        bool was = x->at[i];
        x->at[i] = false;
        if (!was || i == x->n)
            continue;
        size_t k = char_bytes(x->path + i, x->path + x->n);
        if (!is_one(p, x->path + i, k))
            continue;
        x->at[i + k] = true;
        first = i + k;
        if (i + k > last)
            last = i + k;
    }
    x->first = first;
    x->last = last;
}

/* What takes any number of them: more places than before. */
static void step_many(struct places *x, enum piece_type type)
{
    for (size_t i = x->first; i < x->n; i++) {
        bool goes_on = type == PIECE_ALL || (type == PIECE_RUN && x->at[i] && x->path[i] != '/') ||
                       (type == PIECE_FOLDERS && x->path[i] == '/');
        if (!goes_on)
            continue;
        x->at[i + 1] = true;
        if (i + 1 > x->last)
            x->last = i + 1;
    }
}

static void step(struct places *x, const struct piece *p)
{
    if (p->type == PIECE_CHAR || p->type == PIECE_ONE || p->type == PIECE_CLASS)
        step_one(x, p);
    else
        step_many(x, p->type);
}

static void begin(struct places *x, const char *path, size_t n, size_t at)
{
    x->path = path;
    x->n = n;
    x->first = x->last = at;
    memset(x->at, 0, (n + 1) * sizeof x->at[0]);
    x->at[at] = true;
}

struct match_hint match_hint(const char *pattern)
{
    const char *end = pattern + strlen(pattern), *last = pattern;
    struct match_hint h = {.plain = true};

    for (const char *s = pattern; s < end;) {
        struct piece p = piece_at(pattern, s, end);
        bool plain = p.type == PIECE_CHAR && *s != '\\';
        if (h.plain && !plain)
            h.prefix = (size_t)(s - pattern);
        h.plain = h.plain && plain;
        s = p.next;
        if (!plain)
            last = s;
    }
    h.suffix = (size_t)(end - last);
    if (h.plain)
        h.prefix = h.suffix;
    return h;
}

bool match_path(const char *pattern, size_t pattern_n, const struct match_hint *hint,
                const char *path, size_t n)
{
    const char *end = pattern + pattern_n;
    struct places x;

    if (hint->plain)
        return n == pattern_n && memcmp(path, pattern, n) == 0;
    if (n > MATCH_MAX_PATH || n < hint->prefix || n < hint->suffix ||
        memcmp(path + n - hint->suffix, end - hint->suffix, hint->suffix) != 0 ||
        memcmp(path, pattern, hint->prefix) != 0)
        return false;
    begin(&x, path, n, hint->prefix);
    for (const char *s = pattern + hint->prefix; s < end && x.first <= x.last;) {
        struct piece p = piece_at(pattern, s, end);
        step(&x, &p);
        s = p.next;
    }
    return x.first <= x.last && x.at[n];
}

bool match_below(const char *pattern, size_t pattern_n, const char *folder)
{
    const char *end = pattern + pattern_n;
    size_t n = strlen(folder) + 1;
    char path[MATCH_MAX_PATH + 1];
    struct places x;

    if (n > MATCH_MAX_PATH)
        return true;
    memcpy(path, folder, n - 1);
    path[n - 1] = '/';
    begin(&x, path, n, 0);
    for (const char *s = pattern; s < end && x.first <= x.last;) {
        struct piece p = piece_at(pattern, s, end);
        step(&x, &p);
        if (x.first <= x.last && x.at[n] && (p.next < end || p.type == PIECE_ALL))
            return true;
        s = p.next;
    }
    return false;
}

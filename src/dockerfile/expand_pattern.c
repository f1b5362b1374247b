/* SPDX-License-Identifier: Apache-2.0 */
#include "dockerfile/expand_pattern.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

/* Characters of text, and what a pattern has besides. */
#define RAW_BYTE 0x110000u /* + a byte that is not UTF-8 */
#define ANY_ONE  0x120000u
#define ANY_RUN  0x120001u

struct runes {
    uint32_t *v;
    size_t n;
};

static void runes_clear(struct runes *r)
{
    free(r->v);
}

static size_t rune_at(const char *s, uint32_t *ret)
{
    unsigned char c = (unsigned char)*s;
    size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

    for (size_t i = 1; i < n; i++)
        if (((unsigned char)s[i] & 0xc0) != 0x80)
            n = 1;
    if (n == 1 || !str_is_utf8(s, n)) {
        *ret = c < 0x80 ? c : RAW_BYTE + c;
        return 1;
    }
    uint32_t rune = c & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        rune = rune << 6 | ((unsigned char)s[i] & 0x3f);
    *ret = rune;
    return n;
}

static void add_rune(struct buf *out, uint32_t c)
{
    if (c < 0x80 || c >= RAW_BYTE) {
        buf_addc(out, (char)(c & 0xff));
        return;
    }
    unsigned shift = c < 0x800 ? 6 : c < 0x10000 ? 12 : 18;
    buf_addc(out, (char)((shift == 6 ? 0xc0u : shift == 12 ? 0xe0u : 0xf0u) | c >> shift));
    while (shift > 0) {
        shift -= 6;
        buf_addc(out, (char)(0x80u | (c >> shift & 0x3f)));
    }
}

static int runes_of(const char *text, struct runes *ret, struct shale_err *e)
{
    ret->v = mem_array(strlen(text) + 1, sizeof ret->v[0]);
    if (!ret->v)
        return err_nomem(e);
    while (*text)
        text += rune_at(text, &ret->v[ret->n++]);
    return 0;
}

static int compile(const char *pattern, struct runes *ret, struct shale_err *e)
{
    const char *s = pattern;

    ret->v = mem_array(strlen(pattern) + 1, sizeof ret->v[0]);
    if (!ret->v)
        return err_nomem(e);
    while (*s) {
        uint32_t c;
        bool escaped = *s == '\\';
        if (escaped && (!s[1] || !strchr("*?\\/}", s[1])))
            return err_set(e, SHALE_INVALID,
                           "invalid pattern (%.80s) in substitution: invalid escape '\\%.1s'",
                           pattern, s + 1);
        s += escaped;
        s += rune_at(s, &c);
        if (!escaped && (c == '*' || c == '?'))
            c = c == '*' ? ANY_RUN : ANY_ONE;
        if (c != ANY_RUN || ret->n == 0 || ret->v[ret->n - 1] != ANY_RUN)
            ret->v[ret->n++] = c;
    }
    if (ret->n > EXPAND_MAX_PATTERN)
        return err_set(e, SHALE_LIMIT, "a pattern of more than %d characters in substitution",
                       EXPAND_MAX_PATTERN);
    return 0;
}

static void reverse(struct runes *r)
{
    for (size_t i = 0; i < r->n / 2; i++) {
        uint32_t c = r->v[i];
        r->v[i] = r->v[r->n - 1 - i];
        r->v[r->n - 1 - i] = c;
    }
}

static bool matches_at(const struct runes *t, size_t at, const uint32_t *piece, size_t n)
{
    if (n > t->n - at)
        return false;
    for (size_t i = 0; i < n; i++)
        if (piece[i] != ANY_ONE && piece[i] != t->v[at + i])
            return false;
    return true;
}

/* The first place from `at` on. */
static bool find_piece(const struct runes *t, size_t *at, const uint32_t *piece, size_t n)
{
    for (; *at <= t->n; ++*at)
        if (matches_at(t, *at, piece, n))
            return true;
    return false;
}

static bool find_last(const struct runes *t, size_t *at, const uint32_t *piece, size_t n)
{
    for (size_t k = t->n + 1; k-- > *at;) {
        if (matches_at(t, k, piece, n)) {
            *at = k;
            return true;
        }
    }
    return false;
}

static size_t piece_length(const struct runes *p, size_t from)
{
    size_t n = 0;

    while (from + n < p->n && p->v[from + n] != ANY_RUN)
        n++;
    return n;
}

/* The leftmost place of t from *start on (only there, if anchored), up to *end. Each piece between
 * runs stands as far left as it can; only the last one goes right for the longest. */
static bool find(const struct runes *t, const struct runes *p, bool anchored, bool longest,
                 size_t *start, size_t *end)
{
    size_t n = piece_length(p, 0), k = n, at = *start;

    if (anchored ? !matches_at(t, at, p->v, n) : !find_piece(t, &at, p->v, n))
        return false;
    *start = at;
    at += n;
    while (k < p->n) { /* p->v[k] is ANY_RUN */
        n = piece_length(p, ++k);
        bool last = k + n == p->n;
        if (last && longest ? !find_last(t, &at, p->v + k, n) : !find_piece(t, &at, p->v + k, n))
            return false;
        at += n;
        k += n;
    }
    *end = at;
    return true;
}

int expand_trim(const char *pattern, const char *value, bool at_end, bool longest, struct buf *out,
                struct shale_err *e)
{
    _cleanup_(runes_clear) struct runes p = {0};
    _cleanup_(runes_clear) struct runes t = {0};
    size_t start = 0, end = 0;

    int r = compile(pattern, &p, e);
    if (r >= 0)
        r = runes_of(value, &t, e);
    if (r < 0)
        return r;
    if (at_end) {
        reverse(&p);
        reverse(&t);
    }
    if (!find(&t, &p, true, longest, &start, &end))
        end = 0;
    if (at_end)
        reverse(&t);
    size_t from = at_end ? 0 : end, to = at_end ? t.n - end : t.n;
    for (size_t i = from; i < to; i++)
        add_rune(out, t.v[i]);
    return 0;
}

int expand_replace(const char *pattern, const char *value, const char *by, bool all,
                   struct buf *out, struct shale_err *e)
{
    _cleanup_(runes_clear) struct runes p = {0};
    _cleanup_(runes_clear) struct runes t = {0};
    size_t done = 0, at = 0;

    int r = compile(pattern, &p, e);
    if (r >= 0)
        r = runes_of(value, &t, e);
    if (r < 0)
        return r;
    while (at <= t.n) {
        size_t start = at, end = 0, before = done;
        if (!find(&t, &p, false, true, &start, &end))
            break;
        for (; done < start; done++)
            add_rune(out, t.v[done]);
        /* nothing, right behind what was replaced, is not replaced once more */
        if (end > before || start == 0)
            buf_adds(out, by);
        done = end;
        if (!all)
            break;
        at = end > at ? end : at + 1;
    }
    for (; done < t.n; done++)
        add_rune(out, t.v[done]);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Go's path.Match. A pattern is a sequence of pieces, each "stars, then elements without a star". A
 * piece after a star is tried at every place up to the next '/', the first fit is taken. A broken
 * pattern is an error even where the text has failed before, so elements are always read to the end
 * of the piece.
 */
#include "model/ref.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/limits.h"

#define RUNE_BAD 0xfffdu

enum { NO_MATCH = 0, MATCH = 1, BAD_PATTERN = -1 };

/* One UTF-8 character off the front; a byte that begins none is RUNE_BAD of one byte. s->n > 0. */
static uint32_t take_rune(struct str *s, size_t *ret_width)
{
    static const struct {
        uint8_t mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    const uint8_t *p = (const uint8_t *)s->p;
    uint32_t rune = RUNE_BAD;
    size_t width = 1;
    for (size_t len = 1; len <= ARRAY_SIZE(forms); len++) {
        if ((p[0] & forms[len - 1].mask) != forms[len - 1].lead)
            continue;
        uint32_t r = p[0] & (uint8_t)~forms[len - 1].mask;
        size_t i = 1;
        while (i < len && i < s->n && (p[i] & 0xc0) == 0x80)
            r = r << 6 | (p[i++] & 0x3f);
        if (i == len && r >= forms[len - 1].least && r <= 0x10ffff && (r < 0xd800 || r > 0xdfff)) {
            rune = r;
            width = len;
        }
        break;
    }
    *ret_width = width;
    *s = (struct str){s->p + width, s->n - width};
    return rune;
}

static void skip(struct str *s, size_t n)
{
    *s = (struct str){s->p + n, s->n - n};
}

/* One bound of a range inside [ ]; something must follow it. */
static int class_bound(struct str *pat, uint32_t *ret)
{
    if (pat->n == 0 || pat->p[0] == '-' || pat->p[0] == ']')
        return BAD_PATTERN;
    if (pat->p[0] == '\\')
        skip(pat, 1);
    if (pat->n == 0)
        return BAD_PATTERN;
    size_t width;
    uint32_t r = take_rune(pat, &width);
    if ((r == RUNE_BAD && width == 1) || pat->n == 0)
        return BAD_PATTERN;
    *ret = r;
    return MATCH;
}

/* The rest of a class after '[', against one character. */
static int class_match(struct str *pat, uint32_t rune)
{
    bool negated = pat->n && pat->p[0] == '^', hit = false;
    if (negated)
        skip(pat, 1);
    for (size_t n = 0; !(n > 0 && pat->n && pat->p[0] == ']'); n++) {
        uint32_t lo, hi;
        if (class_bound(pat, &lo) < 0)
            return BAD_PATTERN;
        hi = lo;
        if (pat->p[0] == '-') {
            skip(pat, 1);
            if (class_bound(pat, &hi) < 0)
                return BAD_PATTERN;
        }
        hit = hit || (lo <= rune && rune <= hi);
    }
    skip(pat, 1);
    return hit != negated ? MATCH : NO_MATCH;
}

/* One element of the pattern against the front of the text; with `dead` the pattern alone is read.
 */
static int element_match(struct str *pat, struct str *text, bool dead)
{
    size_t width = 0;
    char c = pat->p[0];
    skip(pat, 1);
    if (c == '[') {
        uint32_t rune = dead ? 0 : take_rune(text, &width);
        return class_match(pat, rune);
    }
    if (c == '?') {
        if (dead || text->p[0] == '/')
            return NO_MATCH;
        take_rune(text, &width);
        return MATCH;
    }
    if (c == '\\') {
        if (pat->n == 0)
            return BAD_PATTERN;
        c = pat->p[0];
        skip(pat, 1);
    }
    if (dead || text->p[0] != c)
        return NO_MATCH;
    skip(text, 1);
    return MATCH;
}

/* A whole piece against the front of *text, which moves on when it fits. */
static int piece_match(struct str piece, struct str *text)
{
    struct str t = *text;
    bool dead = false;
    while (piece.n) {
        dead = dead || t.n == 0;
        int r = element_match(&piece, &t, dead);
        if (r < 0)
            return r;
        dead = dead || r == NO_MATCH;
    }
    if (dead)
        return NO_MATCH;
    *text = t;
    return MATCH;
}

/* Takes the next piece off the pattern; true if stars stand before it. */
static bool take_piece(struct str *pat, struct str *ret)
{
    bool star = false, in_class = false;
    while (pat->n && pat->p[0] == '*') {
        star = true;
        skip(pat, 1);
    }
    size_t i = 0;
    for (; i < pat->n; i++) {
        char c = pat->p[i];
        if (c == '\\')
            i += i + 1 < pat->n;
        else if (c == '[')
            in_class = true;
        else if (c == ']')
            in_class = false;
        else if (c == '*' && !in_class)
            break;
    }
    *ret = (struct str){pat->p, i};
    skip(pat, i);
    return star;
}

/* Finds a place for a piece. `last`: the piece must reach the end of the text. */
static int piece_find(struct str piece, bool star, bool last, struct str *text)
{
    struct str at = *text;
    for (;;) {
        struct str t = at;
        int r = piece_match(piece, &t);
        if (r < 0)
            return r;
        if (r == MATCH && (t.n == 0 || !last)) {
            *text = t;
            return MATCH;
        }
        if (!star || at.n == 0 || at.p[0] == '/')
            return NO_MATCH;
        skip(&at, 1);
    }
}

static int glob(struct str pat, struct str text)
{
    int result = MATCH;
    while (pat.n) {
        struct str piece, none = {"", 0};
        bool star = take_piece(&pat, &piece);
        if (result == NO_MATCH) { /* only the syntax is still of interest */
            if (piece_match(piece, &none) < 0)
                return BAD_PATTERN;
            continue;
        }
        if (star && piece.n == 0)
            return text.n && memchr(text.p, '/', text.n) ? NO_MATCH : MATCH;
        result = piece_find(piece, star, pat.n == 0, &text);
        if (result < 0)
            return result;
    }
    return result == MATCH && text.n == 0 ? MATCH : NO_MATCH;
}

int ref_glob(const char *pattern, const char *s, struct shale_err *e)
{
    struct str pat = str_of(pattern);
    int r = pat.n > LIMIT_REF_BYTES ? BAD_PATTERN : glob(pat, str_of(s));
    return r < 0 ? err_set(e, SHALE_INVALID, "syntax error in pattern") : r;
}

int ref_filter_match(const char *pattern, const struct ref *r, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(64 << 10);
    char *full = ref_familiar(r, &a);
    if (!full)
        return err_nomem(e);
    int m = ref_glob(pattern, full, e);
    return m != 0 ? m : ref_glob(pattern, r->familiar, e);
}

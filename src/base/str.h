/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Slices and small string helpers. A struct str borrows its bytes; the header that hands one out
 * says from whom. Not NUL-terminated. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
static inline struct str str_of(const char *s)
{
    return (struct str){s, s ? strlen(s) : 0};
}
static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool streq(const char *a, const char *b) /* NULL equals only NULL */
{
    return a == b || (a && b && strcmp(a, b) == 0);
}
bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);
bool str_ieq(const char *a, const char *b); /* ASCII case folded */

/* Decimal text to u64/i64: all of the string, no sign for u64, no blanks. false if it does not fit.
 */
bool str_to_u64(const char *s, uint64_t *ret);
bool str_to_i64(const char *s, int64_t *ret);

/* Next piece of *rest up to `sep` (removed); false when nothing is left. Empty pieces are returned.
 */
bool str_split(struct str *rest, char sep, struct str *ret);
struct str str_trim(struct str s); /* ASCII white space off both ends */

bool str_is_utf8(const char *s, size_t n);
/* Writes s to dst with bytes < 0x20 and 0x7f, and anything that is not UTF-8, as \xNN: text from
 * outside before it reaches a terminal. Truncates to n, always terminates. Returns dst. */
char *str_printable(char *dst, size_t n, const char *s);

/* Edit distance with a bound: more than `max` returns max + 1. For "did you mean". */
size_t str_distance(const char *a, const char *b, size_t max);

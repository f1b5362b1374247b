/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Text for people: cut to a width, and made harmless before it reaches a terminal. Results live in
 * the arena; NULL means that it is out of memory.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct buf;

/* Columns that s takes on a terminal. */
size_t text_width(struct str s);

/* docker's Ellipsis: s if it takes at most `width` columns, else its beginning with "…" in the last
 * of them. Width 1 keeps one character, 0 gives "". */
const char *text_ellipsis(struct arena *a, const char *s, size_t width);

/* The same for what a buffer holds from `from` on. */
void text_shorten(struct buf *b, size_t from, size_t width);

/* Longest beginning of s that takes at most `width` columns, in bytes. Nothing is appended. */
size_t text_fit(struct str s, size_t width);

/* s with control characters (C0, DEL, C1) and bytes that are not UTF-8 written as \n, \t, \xNN or
 * \u0085; s itself where there are none. For text of foreign origin. *ret is set only on success;
 * the result is 0 or -SHALE_NO_MEMORY. */
int text_printable(struct arena *a, struct str s, struct str *ret, struct shale_err *e);

/* The same into a buffer; and: is there nothing to escape? */
void text_escape(struct buf *b, struct str s);
bool text_is_clean(struct str s);

/* Go's strconv.Quote: in double quotes, with escapes. */
void text_quote(struct buf *b, struct str s);

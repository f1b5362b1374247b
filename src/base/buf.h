/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A growable byte buffer with a mandatory maximum. Appends return nothing; a failure (no memory,
 * over the maximum) sticks and is read once at the end with buf_check. The bytes are always
 * followed by a NUL that does not count, so b.p is a C string (never NULL after an append or
 * buf_str).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
    char *p;
    size_t n;   /* bytes used */
    size_t cap; /* bytes allocated */
    size_t max; /* most bytes it may hold */
    int failed; /* 0, SHALE_NO_MEMORY or SHALE_LIMIT */
};

#define BUF_INIT(maximum)                                                                          \
    {                                                                                              \
        .max = (maximum)                                                                           \
    }

void buf_init(struct buf *b, size_t max);
void buf_clear(struct buf *b); /* frees; can be used again, same maximum */
void buf_reset(struct buf *b); /* empties, keeps the memory */

void buf_add(struct buf *b, const void *p, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addi(struct buf *b, int64_t v); /* in decimal */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Room for n more bytes to be written at the returned place, NULL on (sticky) failure; add to b->n
 * what was used. */
void *buf_room(struct buf *b, size_t n);
void buf_drop(struct buf *b, size_t n); /* removes n bytes from the front */

const char *buf_str(struct buf *b); /* "" when empty */
char *buf_take(struct buf *b); /* hands the memory over (free(3)), leaves b empty; NULL if failed */
int buf_check(const struct buf *b, struct shale_err *e);
/* For text that was made in a buffer of its own and went into b: its failure is b's, too. */
static inline void buf_fail_with(struct buf *b, const struct buf *piece)
{
    if (!b->failed)
        b->failed = piece->failed;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An arena: values that die together. Alloc from it freely, clear it once. Not thread-safe.
 *
 *   _cleanup_(arena_clear) struct arena a = ARENA_INIT(16 << 20);
 *   char *s = arena_strdup(&a, "x");   // NULL: out of memory or over the maximum
 *
 * Parsers that have no error to give (what makes no sense is not there) leave it to their caller to
 * look at `failed`.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <shale/error.h>

struct arena {
    struct arena_block *head;
    uint64_t max_bytes;  /* allocations that would pass it fail; mandatory */
    uint64_t used_bytes; /* handed out so far */
    int failed;          /* 0, or why the first allocation that failed did: SHALE_NO_MEMORY,
                            SHALE_LIMIT; stays so until arena_clear */
};

#define ARENA_INIT(max)                                                                            \
    {                                                                                              \
        .max_bytes = (max)                                                                         \
    }
#define ARENA_DEFAULT_MAX (64ull << 20)

void arena_init(struct arena *a, uint64_t max_bytes);
void arena_clear(struct arena *a); /* frees everything; the arena can be used again */

void *arena_alloc(struct arena *a, size_t n);              /* zeroed, aligned to 16 bytes */
void *arena_array(struct arena *a, size_t n, size_t size); /* overflow checked */
void *arena_memdup(struct arena *a, const void *p, size_t n);
char *arena_strdup(struct arena *a, const char *s); /* NULL in gives NULL out */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Grows an array in the arena: makes room for one more element, doubling when full (the old copy
 * stays until clear). Returns the array, or NULL. `*cap` is updated. */
void *arena_grow(struct arena *a, void *array, size_t n, size_t *cap, size_t size);

/* Appends a text to a list that has n of them and ends with NULL; `v` is NULL at first. Returns the
 * list, or NULL: no room, or no text. */
const char **arena_add_text(struct arena *a, const char **v, size_t *n, size_t *cap,
                            const char *text);

/* Registers f(p) to run at arena_clear, last registered first. 0, or -SHALE_NO_MEMORY. */
int arena_defer(struct arena *a, void (*f)(void *), void *p);

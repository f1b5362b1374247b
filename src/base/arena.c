/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ALIGN       16
#define FIRST_BYTES 4096
#define MOST_BYTES  (256 << 10)

/* Blocks are kept newest first; allocations come from the first one. */
struct arena_block {
    struct arena_block *next;
    struct arena_defer *defers;
    size_t size, used;
    _Alignas(ALIGN) char data[];
};
struct arena_defer {
    struct arena_defer *next;
    void (*f)(void *);
    void *p;
};

void arena_init(struct arena *a, uint64_t max_bytes)
{
    *a = (struct arena){.max_bytes = max_bytes};
}

void arena_clear(struct arena *a)
{
    /* Deferred calls may look at memory of any block: run them all before freeing. Blocks are
     * newest first and each list is newest first, so the order is last registered first. */
    for (struct arena_block *b = a->head; b; b = b->next)
        for (struct arena_defer *d = b->defers; d; d = d->next)
            d->f(d->p);
    while (a->head) {
        struct arena_block *b = a->head;
        a->head = b->next;
        free(b);
    }
    a->used_bytes = 0;
    a->failed = 0;
}

static struct arena_block *new_block(struct arena *a, size_t need)
{
    size_t size = a->head ? a->head->size * 2 : FIRST_BYTES - sizeof(struct arena_block);
    if (size > MOST_BYTES)
        size = MOST_BYTES;
    if (size < need)
        size = need;
    struct arena_block *b = mem_alloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    b->next = a->head;
    a->head = b;
    return b;
}

static void *no_room(struct arena *a, int why)
{
    if (!a->failed)
        a->failed = why;
    return NULL;
}

void *arena_alloc(struct arena *a, size_t n)
{
    struct arena_block *b = a->head;

    if (n > SIZE_MAX - 2 * ALIGN || n > a->max_bytes || a->used_bytes > a->max_bytes - n)
        return no_room(a, SHALE_LIMIT);
    if (mem_fails())
        return no_room(a, SHALE_NO_MEMORY);
    n = (n + ALIGN - 1) / ALIGN * ALIGN;
    if (n == 0)
        n = ALIGN;
    if (!b || b->size - b->used < n) {
        b = new_block(a, n);
        if (!b)
            return no_room(a, SHALE_NO_MEMORY);
    }
    void *p = b->data + b->used;
    b->used += n;
    a->used_bytes += n;
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        return no_room(a, SHALE_LIMIT);
    return arena_alloc(a, n * size);
}

void *arena_memdup(struct arena *a, const void *p, size_t n)
{
    void *q = arena_alloc(a, n);
    if (q && n)
        memcpy(q, p, n);
    return q;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    if (len == SIZE_MAX)
        return NULL;
    char *p = arena_alloc(a, len + 1);
    if (p)
        memcpy(p, s, len);
    return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return NULL;
    char *p = arena_alloc(a, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, ap);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}

void *arena_grow(struct arena *a, void *array, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return array;
    size_t want = *cap ? *cap * 2 : 8;
    if (want < *cap)
        return NULL;
    void *p = arena_array(a, want, size);
    if (!p)
        return NULL;
    if (n)
        memcpy(p, array, n * size);
    *cap = want;
    return p;
}

const char **arena_add_text(struct arena *a, const char **v, size_t *n, size_t *cap,
                            const char *text)
{
    const char **grown = text ? arena_grow(a, v, v ? *n + 1 : 0, cap, sizeof *v) : NULL;

    if (!grown)
        return NULL;
    grown[(*n)++] = text;
    grown[*n] = NULL;
    return grown;
}

int arena_defer(struct arena *a, void (*f)(void *), void *p)
{
    struct arena_defer *d = arena_alloc(a, sizeof *d);
    if (!d)
        return -SHALE_NO_MEMORY;
    *d = (struct arena_defer){a->head->defers, f, p};
    a->head->defers = d;
    return 0;
}

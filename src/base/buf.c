/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_clear(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->failed = 0;
    if (b->p)
        b->p[0] = 0;
}

static __attribute__((noinline)) void *grow(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->max || b->n > b->max - n) {
        b->failed = SHALE_LIMIT;
        return NULL;
    }
    size_t cap = b->cap ? b->cap * 2 : 128;
    if (cap <= b->n + n)
        cap = b->n + n + 1;
    if (cap - 1 > b->max)
        cap = b->max + 1;
    char *p = mem_resize(b->p, cap);
    if (!p) {
        b->failed = SHALE_NO_MEMORY;
        return NULL;
    }
    b->p = p;
    b->cap = cap;
    p[b->n] = 0;
    return p + b->n;
}

/* There is never more allocated than the maximum and its NUL. */
static inline void *room(struct buf *b, size_t n)
{
    return !b->failed && n < b->cap - b->n ? b->p + b->n : grow(b, n);
}

static inline void add(struct buf *b, const void *p, size_t n)
{
    char *q = room(b, n);
    if (!q)
        return;
    if (n)
        memcpy(q, p, n);
    q[n] = 0;
    b->n += n;
}

void *buf_room(struct buf *b, size_t n)
{
    return room(b, n);
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    add(b, p, n);
}

void buf_adds(struct buf *b, const char *s)
{
    add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
    char *q = room(b, 1);
    if (!q)
        return;
    q[0] = c;
    q[1] = 0;
    b->n++;
}

void buf_addi(struct buf *b, int64_t v)
{
    char digits[20], *p = digits + sizeof digits;
    uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;

    do
        *--p = (char)('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        *--p = '-';
    add(b, p, (size_t)(digits + sizeof digits - p));
}

void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return;
    char *p = buf_room(b, (size_t)n);
    if (!p)
        return;
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    b->n += (size_t)n;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    buf_addv(b, fmt, ap);
    va_end(ap);
}

void buf_drop(struct buf *b, size_t n)
{
    if (n > b->n)
        n = b->n;
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
    b->p[b->n] = 0;
}

const char *buf_str(struct buf *b)
{
    return b->p && b->n ? b->p : "";
}

char *buf_take(struct buf *b)
{
    if (!b->failed && !b->p)
        buf_add(b, "", 0);
    if (b->failed) {
        buf_clear(b);
        return NULL;
    }
    char *p = b->p;
    *b = (struct buf){.max = b->max};
    return p;
}

int buf_check(const struct buf *b, struct shale_err *e)
{
    if (b->failed == 0)
        return 0;
    if (b->failed == SHALE_NO_MEMORY)
        return err_nomem(e);
    return err_set(e, SHALE_LIMIT, "more than %zu bytes", b->max);
}

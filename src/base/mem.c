/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In fault builds SHALE_FAULT_ALLOC=N fails the N-th allocation of the process. */
#ifdef SHALE_FAULT_HOOKS
#include <stdatomic.h>

static bool alloc_fails(void)
{
    static atomic_ulong count;
    static atomic_ulong target; /* 0: not read yet, 1: none, else N + 1 */
    unsigned long t = atomic_load(&target);

    if (t == 0) {
        const char *s = getenv("SHALE_FAULT_ALLOC");
        t = s ? strtoul(s, NULL, 10) + 1 : 1;
        atomic_store(&target, t);
    }
    return t > 1 && atomic_fetch_add(&count, 1) + 1 == t - 1;
}
#else
static inline bool alloc_fails(void)
{
    return false;
}
#endif

void *mem_alloc(size_t n)
{
    if (alloc_fails()) {
        errno = ENOMEM;
        return NULL;
    }
    return calloc(1, n ? n : 1);
}

void *mem_array(size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    return mem_alloc(n * size);
}

void *mem_resize(void *p, size_t n)
{
    if (alloc_fails()) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, n ? n : 1);
}

char *mem_strndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *p = mem_alloc(len + 1);
    if (p)
        memcpy(p, s, len);
    return p;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_printf(const char *fmt, ...)
{
    va_list ap;
    char *p = NULL;

    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0)
        p = mem_alloc((size_t)n + 1);
    if (!p)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

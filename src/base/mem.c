/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SHALE_FAULT_HOOKS
#include <pthread.h>
#include <stdatomic.h>

static struct {
    pthread_once_t once;
    atomic_ulong count, target; /* target 0: none fails */
    char file[256];
} fault = {.once = PTHREAD_ONCE_INIT};

static void write_count(void)
{
    FILE *f = fopen(fault.file, "we");
    if (!f)
        return;
    (void)fprintf(f, "%lu\n", atomic_load(&fault.count));
    (void)fclose(f);
}

static void read_fault(void)
{
    const char *s = getenv("SHALE_FAULT_ALLOC");

    if (!s)
        return;
    if (strncmp(s, "count:", 6) == 0) {
        snprintf(fault.file, sizeof fault.file, "%s", s + 6);
        (void)atexit(write_count);
    } else {
        atomic_store(&fault.target, strtoul(s, NULL, 10));
    }
}

bool mem_fails(void)
{
    (void)pthread_once(&fault.once, read_fault);
    return atomic_fetch_add(&fault.count, 1) + 1 == atomic_load(&fault.target);
}

unsigned long mem_fault_arm(unsigned long n)
{
    (void)pthread_once(&fault.once, read_fault);
    atomic_store(&fault.target, n);
    return atomic_exchange(&fault.count, 0);
}

void *mem_lib_malloc(size_t n)
{
    return mem_fails() ? NULL : malloc(n);
}

void *mem_lib_calloc(size_t n, size_t size)
{
    return mem_fails() ? NULL : calloc(n, size);
}

void *mem_lib_realloc(void *p, size_t n)
{
    return mem_fails() ? NULL : realloc(p, n);
}

char *mem_lib_strdup(const char *s)
{
    return mem_fails() ? NULL : strdup(s);
}
#endif

void *mem_alloc(size_t n)
{
    if (mem_fails()) {
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
    if (mem_fails()) {
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

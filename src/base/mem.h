/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The heap, behind one seam so that tests can fail the n-th allocation. Memory from here is
 * released with free(3). All return NULL when memory is out; callers return err_nomem.
 */
#include <stdbool.h>
#include <stddef.h>

void *mem_alloc(size_t n);              /* n zeroed bytes; n == 0 gives one byte */
void *mem_array(size_t n, size_t size); /* n * size zeroed bytes, overflow checked */
void *mem_resize(void *p, size_t n);    /* realloc; on failure p stays valid */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * In a build with -Dfault=true every allocation counts: the functions above, arenas, and those of
 * jansson, SQLite and libcurl, which are given the mem_lib functions. The environment variable
 * SHALE_FAULT_ALLOC=N fails the N-th of the process, count:FILE writes their number to FILE at
 * exit. A test arms it from within instead.
 */
#ifdef SHALE_FAULT_HOOKS
bool mem_fails(void); /* counts one; true when it must fail */
/* The n-th from now on fails, once; 0: none. Returns how many there were since the last call. */
unsigned long mem_fault_arm(unsigned long n);
void *mem_lib_malloc(size_t n);
void *mem_lib_calloc(size_t n, size_t size);
void *mem_lib_realloc(void *p, size_t n);
char *mem_lib_strdup(const char *s);
#else
static inline bool mem_fails(void)
{
    return false;
}
#endif

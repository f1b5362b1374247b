/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The heap, behind one seam so that tests can fail the n-th allocation. Memory from here is
 * released with free(3). All return NULL when memory is out; callers return err_nomem.
 */
#include <stddef.h>

void *mem_alloc(size_t n);              /* n zeroed bytes; n == 0 gives one byte */
void *mem_array(size_t n, size_t size); /* n * size zeroed bytes, overflow checked */
void *mem_resize(void *p, size_t n);    /* realloc; on failure p stays valid */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

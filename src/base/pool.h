/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A bounded thread pool: run a batch of jobs on at most n threads, wait for all. The first error
 * cancels the rest (those not begun are skipped; running ones see the token) and is what pool_run
 * returns.
 */
#include <stddef.h>

#include "base/cancel.h"
#include "base/err.h"

typedef int (*pool_fn)(void *arg, size_t i, struct cancel *c, struct shale_err *e);

/* Calls f(arg, i, …) for i = 0 … n_jobs-1 on up to n_threads threads (this thread counts as one).
 * `c` is the outer token, may be NULL; the one passed to f is set when c is set or a job has
 * failed. */
int pool_run(pool_fn f, void *arg, size_t n_jobs, size_t n_threads, struct cancel *c,
             struct shale_err *e);
size_t pool_n_cpus(void); /* processors this process may use */

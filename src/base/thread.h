/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Threads of servers: all signals are blocked in them, those are for the thread that waits for
 * them.
 */
#include <pthread.h>
#include <stddef.h>

#include "base/err.h"

/* Runs f(arg) in a new thread. ret NULL: nobody joins it. stack_bytes (of addresses; memory comes
 * when it is touched) 0: as many as usual. SYSTEM: there can be no more threads. */
int thread_start(pthread_t *ret, size_t stack_bytes, void *(*f)(void *arg), void *arg,
                 struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A queue of small jobs and a fixed number of threads that do them, in order of arrival. For work
 * that may block (syncs, locks) and that an event loop hands over.
 *
 *   struct job { struct work w; … };            // the work item is part of the caller's object
 *   j->w.run = run_job;  workq_push(q, &j->w);  // never fails, never waits
 *
 * run() owns the item while it runs: it may free it or push it again. Thread-safe.
 */
#include <stddef.h>

#include "base/err.h"

struct workq;
struct work {
    void (*run)(struct work *w);
    struct work *next; /* of the queue */
};

int workq_new(size_t n_threads, struct workq **ret, struct shale_err *e);
void workq_push(struct workq *q, struct work *w);
/* Waits until everything that was pushed (also by running items) has been done, then ends the
 * threads. Accepts NULL, returns NULL. */
struct workq *workq_free(struct workq *q);

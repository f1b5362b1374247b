/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Fails the n-th allocation of an operation for n = 1, 2, … until it passes without one that fails.
 * Whatever n is, the operation either says NO_MEMORY in one line, or succeeds and says what it says
 * without a failure. What it leaks is LSan's to find, what it tramples on ASan's.
 *
 * An operation writes what came out of it to `out` (stdio is not hooked). `dense`: up to there
 * every n is tried, beyond it steps grow in proportion (0: every n).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"

typedef int (*torture_fn)(void *arg, FILE *out, struct shale_err *e);

struct torture {
    const char *name;
    torture_fn f;
    void *arg;
    void (*before)(void *arg); /* each time, without faults; may be NULL */
    unsigned long dense;
};
/* Returns how many allocations the operation makes. */
unsigned long torture(const struct torture *t);

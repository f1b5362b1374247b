/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* File locks between processes and threads: flock(2) on a file of its own descriptor. Closing the
 * descriptor releases the lock; a killed process leaves none behind. */
#include "base/cancel.h"
#include "base/err.h"

enum lock_mode { LOCK_SHARED, LOCK_EXCLUSIVE };

/* Opens (creates) dirfd/name and waits for the lock; polls `c` (may be NULL) while it waits.
 * Returns a descriptor, or -code. */
int lock_take(int dirfd, const char *name, enum lock_mode mode, struct cancel *c,
              struct shale_err *e);
/* Same without waiting: -SHALE_IN_USE when another holds it. */
int lock_try(int dirfd, const char *name, enum lock_mode mode, struct shale_err *e);
/* The same on a descriptor that the caller has, of a folder too: 1 taken, for as long as it is
 * open; 0 held by another. _take waits as lock_take does. */
int lock_fd_try(int fd, enum lock_mode mode, struct shale_err *e);
int lock_fd_take(int fd, enum lock_mode mode, struct cancel *c, struct shale_err *e);

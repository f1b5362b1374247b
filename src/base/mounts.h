/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is mounted: /proc/self/mountinfo (proc_pid_mountinfo(5)). The kernel writes it anew for each
 * reader, at some microseconds a mount; but it tells by poll(2) whether anything was mounted since,
 * so that a process that asks often has it from memory.
 */
#include "base/buf.h"
#include "base/err.h"

#define MOUNTS_MAX_BYTES (256u << 20) /* of the list of this process's mounts */

/*
 * Adds the list, as it is now, to b. Errors: -SHALE_NO_MEMORY; those of reading it (-SHALE_SYSTEM;
 * -SHALE_NOT_FOUND: no /proc). Any thread; a child process has a list of its own.
 */
int mounts_read(struct buf *b, struct shale_err *e);
/* A number that is another one when something was mounted or unmounted since; 0: not known. */
uint64_t mounts_stamp(void);

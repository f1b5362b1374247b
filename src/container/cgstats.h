/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a control group has used. Each figure is read where its controller is: in the hierarchy of
 * its own (version 1), or in the unified one (version 2); in hybrid mode both occur at once.
 * Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define CGSTATS_ROOT "/sys/fs/cgroup"

struct cgstats {
    uint64_t cpu_ns;
    uint64_t memory_bytes;       /* without inactive files, as docker counts */
    uint64_t memory_limit_bytes; /* UINT64_MAX: none */
    uint64_t read_bytes, written_bytes;
    uint64_t n_pids;
    bool has_cpu, has_memory, has_blkio, has_pids; /* false: no controller for it */
};

/* `groups` is the text of /proc/PID/cgroup (cgroups(7)), `root` where hierarchies are mounted. A
 * file that is not there, or makes no sense, is a figure that is not there. */
void cgstats_read(const char *root, const char *groups, struct cgstats *ret);

/* The text of /proc/PID/net/dev: bytes received and sent, of all interfaces but lo. */
void cgstats_net(const char *text, uint64_t *ret_rx, uint64_t *ret_tx);

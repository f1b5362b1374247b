/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a control group has used. Each figure is read where its controller is: in the hierarchy of
 * its own (version 1), or in the unified one (version 2); in hybrid mode both occur at once.
 * Thread-safe.
 */
#include <shale/stats.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define CGSTATS_ROOT    "/sys/fs/cgroup"
#define CGSTATS_FIGURES 256
#define CGSTATS_DEVICES 256

struct cgstats {
    uint64_t cpu_ns;
    uint64_t memory_bytes;       /* without inactive files, as docker counts */
    uint64_t memory_limit_bytes; /* UINT64_MAX: none */
    uint64_t read_bytes, written_bytes;
    uint64_t n_pids;
    struct shale_cpu_stats cpu;
    uint64_t memory_inactive_bytes;
    const struct shale_figure *memory; /* at most CGSTATS_FIGURES; in the arena, as blocks */
    size_t n_memory;
    const struct shale_block_stats *blocks; /* at most CGSTATS_DEVICES */
    size_t n_blocks;
    bool has_cpu, has_memory, has_blkio, has_pids; /* false: no controller for it */
};

/* `groups` is the text of /proc/PID/cgroup (cgroups(7)), `root` where hierarchies are mounted. A
 * file that is not there, or makes no sense, is a figure that is not there. */
void cgstats_read(const char *root, const char *groups, struct arena *a, struct cgstats *ret);

/* The text of /proc/PID/net/dev: what all interfaces but lo have received and sent, in the arena;
 * at most CGSTATS_NETS of them, lines that make no sense are passed over. Returns how many. */
#define CGSTATS_NETS 1024
size_t cgstats_net(const char *text, struct arena *a, const struct shale_net_stats **ret);

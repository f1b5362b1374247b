/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_STATS_H
#define SHALE_STATS_H
/*
 * What containers use: processor, memory, network, disks. See shale.h for the conventions and
 * container.h for how containers are named.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_net_stats { /* of one interface */
    const char *name;
    uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
    uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct shale_block_stats { /* of one device */
    uint32_t major, minor;
    uint64_t read_bytes, written_bytes;
};
struct shale_cpu_stats { /* since the container's start */
    uint64_t user_ns, kernel_ns;
    uint64_t n_periods, n_throttled, throttled_ns; /* of its limit */
};
struct shale_figure {
    const char *name;
    uint64_t value;
};

struct shale_stats {
    const char *asked; /* the name or ID it was asked for by, else its ID */
    const char *id, *name;
    bool running;       /* else all figures are 0 */
    bool known;         /* false: it runs without control groups, there are no figures */
    double cpu_percent; /* of one processor, since the sample before */
    uint64_t cpu_ns;    /* since its start */
    uint64_t memory_bytes,
        memory_limit_bytes;              /* without inactive files; the host's without limit */
    uint64_t net_rx_bytes, net_tx_bytes; /* 0 with the host's network */
    uint64_t block_read_bytes, block_written_bytes;
    uint64_t n_pids;
    /* Of this sample and the one before it (0: there is none to compare with): the processor time
     * of the container and of the whole host, and when. */
    uint64_t cpu_before_ns, host_cpu_ns, host_cpu_before_ns;
    int64_t time_ns, before_ns;
    uint32_t n_cpus;
    int64_t started_ns; /* SHALE_TIME_NONE */
    /* What net_rx_bytes and net_tx_bytes are the sums of: all but lo, as the container names them.
     */
    const struct shale_net_stats *nets;
    size_t n_nets;
    const struct shale_block_stats *blocks; /* the same of block_read_bytes, block_written_bytes */
    size_t n_blocks;
    struct shale_cpu_stats cpu, cpu_before; /* what cpu_ns and cpu_before_ns are made of */
    uint64_t memory_inactive_bytes;         /* what memory_bytes is without */
    const struct shale_figure *memory;      /* the kernel's figures: memory.stat */
    size_t n_memory;
};

struct shale_stats_opts {
    size_t size;
    const char *const *containers; /* NULL-terminated; NULL or none: those that run */
    bool all;                      /* without names: also those that do not run */
    bool once;                     /* one sample */
    int64_t interval_ns;           /* between samples; 0: a second */
    /* One sample of all, in the order asked for, else newest first; n may be 0. What it points to
     * is valid until this returns. Negative stops. */
    int (*on_sample)(void *arg, const struct shale_stats *v, size_t n);
    void *arg;
};

/* Calls on_sample every interval, for the first time after one, with what the containers use then.
 * Ends after one sample when `once` is set, or when all that were named have been removed; a
 * negative value from on_sample ends it and is returned. NOT_FOUND: no such container. */
SHALE_API int shale_stats(struct shale *s, const struct shale_stats_opts *o, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

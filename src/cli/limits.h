/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Options for limits that run, create and update have in common. */
#include <shale/container.h>

#include "cli/cli.h"

struct limits_cli {
    int64_t reservation, shares, period, quota;
    const char *swap, *cpus, *mems;
};
/* -SHALE_INVALID, or an exit status when it has been said already. */
int limits_take(struct cli *c, const struct limits_cli *o, struct shale_more_limits *ret);

/* Rows of an option table, `at` is the offset of a struct limits_cli. Sorted, in two parts. */
/* clang-format off */
#define L(at, field) ((at) + offsetof(struct limits_cli, field))
#define LIMITS_CPU(at)                                                                                 \
    { 0, "cpu-period", OPT_INT, L(at, period), NULL,                                                   \
      "Limit CPU CFS (Completely Fair Scheduler) period" },                                            \
    { 0, "cpu-quota", OPT_INT, L(at, quota), NULL,                                                     \
      "Limit CPU CFS (Completely Fair Scheduler) quota" },                                             \
    { 'c', "cpu-shares", OPT_INT, L(at, shares), NULL, "CPU shares (relative weight)" }
#define LIMITS_CPUSET(at)                                                                              \
    { 0, "cpuset-cpus", OPT_STR, L(at, cpus), NULL,                                                    \
      "CPUs in which to allow execution (0-3, 0,1)" },                                                 \
    { 0, "cpuset-mems", OPT_STR, L(at, mems), NULL,                                                    \
      "MEMs in which to allow execution (0-3, 0,1)" }
#define LIMITS_MEMORY(at)                                                                              \
    { 0, "memory-reservation", OPT_BYTES, L(at, reservation), NULL, "Memory soft limit" },             \
    { 0, "memory-swap", OPT_STR, L(at, swap), "bytes",                                                 \
      "Swap limit equal to memory plus swap: -1 to enable\nunlimited swap" }
/* clang-format on */

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Limits of memory, processors and processes: whether they make sense, and how a runtime is told.
 */
#include "container/conf.h"

/* INVALID with docker's words for what does not go, or not together. */
int limits_check(const struct conf *c, struct shale_err *e);
/* Puts away what this host has no control group for; a warning for each into v (room for
 * LIMITS_WARNINGS). Their number. */
#define LIMITS_WARNINGS 10
size_t limits_discard(struct conf *c, const char **v);
/* Members "memory", "cpu" and "pids" of linux.resources. `lift`: for one that runs, also those that
 * take a limit away. swap_limit: the kernel counts swap. */
void limits_put(int *bad, json_t *resources, const struct conf *c, bool swap_limit, bool lift);
bool limits_any(const struct conf *c);
bool limits_swap_counts(void);

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

/* The same of those that limits_more.c knows: block devices, swappiness, what happens when memory
 * runs out. limits_any counts them, limits_put puts those of memory. */
#define LIMITS_MORE_WARNINGS (BLKIO_LISTS + 4)
int limits_more_check(const struct conf *c, struct shale_err *e);
size_t limits_more_discard(struct conf *c, const char **v);
bool limits_more_any(const struct conf *c);
void limits_put_memory(int *bad, json_t *memory, const struct conf *c);
/* "blockIO" of linux.resources, a new reference; NULL: nothing. INVALID: there is no such device.
 */
int limits_block_io(const struct conf *c, json_t **ret, struct shale_err *e);
/* Of a control group: absolute, without "..". */
int limits_check_parent(const char *parent, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Commands that do one thing to each of several containers: stop, kill, wait, rm. */
#include "cli/cli.h"

/* 0 and text for standard output ("" for none) in `out`; or -code. May run on several threads at
 * once. */
typedef int (*each_fn)(struct shale *s, const void *opts, const char *name, struct buf *out,
                       struct shale_err *e);

/* All are tried, n_parallel at a time. What they print and their errors come in the order of args.
 * `forgive` is a code that is reported but is no failure (0: none). Exit status or -code. */
int each_container(struct cli *c, each_fn f, const void *opts, int n, char **args,
                   size_t n_parallel, int forgive);
/* Removes each of several volumes or networks, one after the other, and prints its name. With
 * `force` one that does not exist is no failure. */
typedef int (*each_rm_fn)(struct shale *s, const char *name, struct shale_err *e);
int each_removed(struct cli *c, each_rm_fn rm, bool force, int n, char **args);

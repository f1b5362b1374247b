/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where a path leads in a folder that stands for a root, links followed, as far as it is there:
 * what comes behind the last part that is there is taken by its letters.
 */
#include <stdbool.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"

#define WAY_MAX_LINKS 40 /* on one way, as the kernel has it */

struct way {
    const char *path; /* relative, without links, "." and ".."; "": the root. In the arena */
    bool exists;
    struct stat st; /* when it exists; never a link */
};
/* root_fd -1: an empty root. INVALID: too many links, or a part that is no folder. */
int way_find(int root_fd, const char *path, struct arena *a, struct way *ret, struct shale_err *e);
/* The same by letters alone: "a/../b//c/" is "b/c", and ".." at the root is the root. NULL: no
 * memory. */
const char *way_clean(struct arena *a, const char *path);
const char *way_base(const char *path); /* the last part */

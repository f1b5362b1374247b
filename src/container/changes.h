/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a container has changed: the upper folder of its overlay compared with the image below. Only
 * what is in the upper folder is looked at, so the size of the image does not count.
 *
 * Docker's rules: a name that is new is added; one that was there has changed when type, mode,
 * owner, device, capabilities or, but for folders, size or time differ; a folder has changed also
 * when anything below it did. Empty files and folders that it has whatever its image (/proc,
 * /etc/hosts …; container/initfiles.h) are none of its changes.
 */
#include <sys/stat.h>

#include "base/cancel.h"
#include "base/err.h"
#include "rootfs/lower.h"

#define CHANGES_MAX_DEPTH 400        /* of folders: each holds two descriptors */
#define CHANGES_MAX_NAMES (64 << 20) /* bytes of names of one folder */

enum change_kind { CHANGE_CHANGED, CHANGE_ADDED, CHANGE_GONE };
struct change { /* borrowed for the call */
    enum change_kind kind;
    const char *path;      /* relative */
    int dir_fd;            /* the upper folder that has it */
    const char *name;      /* there */
    const struct stat *st; /* NULL: gone */
    bool opaque;           /* a folder through which nothing of the image shows */
};
typedef int (*change_fn)(void *arg, const struct change *c, struct shale_err *e);

enum {
    /* As a layer needs it: every file that is above, whatever it looks like, and folders that were
     * made anew are marked opaque, with all below added, instead of naming what is gone. */
    CHANGES_OF_LAYER = 1 << 0,
    /* Of a step of a build, which has only those files whatever its image that a runtime makes. */
    CHANGES_OF_STEP = 1 << 1,
};
/* A folder comes before what is in it, names in order of their bytes. What f returns below 0 ends
 * it. */
int changes_walk(int upper_fd, const struct lower *lower, unsigned flags, change_fn f, void *arg,
                 struct cancel *c, struct shale_err *e);
/* All that the container sees, as added: the upper folder (-1: none yet) over the image. */
int changes_walk_all(int upper_fd, int lower_fd, change_fn f, void *arg, struct cancel *c,
                     struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Down and up a tree of folders with one descriptor, however deep it is. Steps down follow no
 * symbolic link; a step up must lead to the folder that the way down came from, or it is refused.
 *
 *   folder_walk_begin(&w, folder_fd, e);
 *   folder_walk_enter(&w, "usr", e);   // w.fd is usr now
 *   folder_walk_leave(&w, e);          // and the folder again
 *   folder_walk_end(&w);
 */
#include "base/err.h"
#include "rootfs/tree.h"

struct folder_walk {
    int fd; /* of the folder at hand; do not close */
    size_t depth;
    struct {
        dev_t dev;
        ino_t ino;
    } way[TREE_MAX_DEPTH + 1]; /* the folders from the top to the one at hand */
};

/* folder_fd stays the caller's. */
int folder_walk_begin(struct folder_walk *w, int folder_fd, struct shale_err *e);
int folder_walk_enter(struct folder_walk *w, const char *name, struct shale_err *e);
int folder_walk_leave(struct folder_walk *w, struct shale_err *e);
void folder_walk_end(struct folder_walk *w);

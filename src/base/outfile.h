/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A file that a user has named for what comes out of a command: the whole of it, or what was there
 * before. A device, a pipe or a socket's end (/dev/null, /dev/stdout) is written as it stands and
 * never replaced; what a symbolic link points to is what it stands for.
 *
 *   _cleanup_(outfile_clear) struct outfile o = OUTFILE_INIT;
 *   r = outfile_open(&o, path, e);
 *   … writes to o.fd …
 *   if (r >= 0)
 *       r = outfile_publish(&o, e);
 *
 * Not thread-safe.
 */
#include "base/err.h"

#include <limits.h>
#include <sys/types.h>

struct outfile {
    int fd;     /* to write to */
    int dir_fd; /* of the folder; -1: written as it stands */
    mode_t mode;
    char path[PATH_MAX]; /* without symbolic links at its end */
    char tmp[40];        /* in dir_fd; "": nothing of ours is there */
};
#define OUTFILE_INIT                                                                               \
    {                                                                                              \
        .fd = -1, .dir_fd = -1, .mode = 0600                                                       \
    }

/* -SHALE_INVALID: a folder stands there, or the one that it would be in does not; -SHALE_LIMIT: a
 * path too long; -SHALE_SYSTEM and what else the system says. The message names the path alone. */
int outfile_open(struct outfile *o, const char *path, struct shale_err *e);
/* Puts it in its place, on the disk. */
int outfile_publish(struct outfile *o, struct shale_err *e);
/* Closes; removes what was not published. */
void outfile_clear(struct outfile *o);
/* The three for a text. mode: less the umask. */
int outfile_put(const char *path, const void *p, size_t n, mode_t mode, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files and directories, on top of sys.h. Paths are relative to dirfd (AT_FDCWD allowed). */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Whole file into b (which has its maximum). */
int fs_read_file(int dirfd, const char *path, struct buf *b, struct shale_err *e);
/* A short file as an arena string, at most max bytes. */
char *fs_read_text(int dirfd, const char *path, struct arena *a, uint64_t max, struct shale_err *e);

/* Writes to a temporary name in the same directory and renames. durable: fsync of file and
 * directory. */
int fs_write_atomic(int dirfd, const char *path, const void *p, uint64_t n, mode_t mode,
                    bool durable, struct shale_err *e);
int fs_sync_dir(int dirfd, const char *path,
                struct shale_err *e); /* fsync of directory dirfd/path */

int fs_mkdir_p(int dirfd, const char *path, mode_t mode, struct shale_err *e);
int fs_open_dir(int dirfd, const char *path, struct shale_err *e); /* O_DIRECTORY fd, or -code */
/* Removes a tree without following symlinks, without crossing into mounts. Missing is success. */
int fs_remove_tree(int dirfd, const char *path, struct shale_err *e);
/* The same, and the space on disk that it freed, as fs_disk_usage would have told it; also when it
 * fails in the middle. */
int fs_remove_counted(int dirfd, const char *path, uint64_t *ret_bytes, struct shale_err *e);
bool fs_exists(int dirfd, const char *path);
int fs_size(int dirfd, const char *path, uint64_t *ret, struct shale_err *e);
int fs_disk_usage(int dirfd, const char *path, uint64_t *ret_bytes, struct shale_err *e);
/* The lengths of all files of a tree; folders count nothing, a file with two names counts twice. */
int fs_files_size(int dirfd, const char *path, uint64_t *ret_bytes, struct shale_err *e);

/* Calls f for every entry but "." and ".." in unspecified order; d_type is DT_* and never
 * DT_UNKNOWN. f returns 0 to go on, positive to stop (returned), negative for an error. */
int fs_each(int dirfd, const char *path,
            int (*f)(void *arg, const char *name, unsigned char d_type), void *arg,
            struct shale_err *e);

/* Copies n bytes (UINT64_MAX: to the end) with copy_file_range, read/write where that does not
 * work. */
int fs_copy_fd(int from, int to, uint64_t n, struct shale_err *e);

/* The boot id of this machine, 36 characters and NUL. */
int fs_boot_id(char ret[37], struct shale_err *e);

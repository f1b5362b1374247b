/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tars that a build is given: compressed with gzip, bzip2, xz, zstd or not at all, told by their
 * first bytes.
 *
 *   if (archive_is_tar(head, n)) archive_unpack(&in, &opts, on_entry, arg, e);
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "tar/tar_unpack.h"

#define ARCHIVE_HEAD_BYTES (128u << 10) /* enough to tell */

struct archive_in {
    const void *head; /* what has been read of it already */
    size_t head_n;
    int fd;           /* the rest */
    const char *what; /* for messages */
};
/* The first bytes of a file (all of it, if it is shorter). */
bool archive_is_tar(const void *head, size_t n);
/* Fills `head` (ARCHIVE_HEAD_BYTES) from a descriptor. */
int archive_read_head(int fd, void *head, size_t *ret_n, const char *what, struct shale_err *e);
/* 1: a tar that is not compressed: it can be read where it lies. */
bool archive_is_plain(const void *head, size_t n);
/* on_entry sees the members; the tar as it is inside, whose offsets they tell of, goes to `to_fd`
 * (-1: nowhere). */
int archive_read(const struct archive_in *in, int to_fd, tar_entry_fn on_entry, void *arg,
                 struct cancel *c, struct shale_err *e);
/* Unpacks; on_entry (may be NULL) sees the members, too. */
int archive_unpack(const struct archive_in *in, const struct tar_unpack_opts *o,
                   tar_entry_fn on_entry, void *arg, struct shale_err *e);

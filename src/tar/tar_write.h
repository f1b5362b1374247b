/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Writing tars as a stream: POSIX ustar headers, PAX records (POSIX.1-2001) for what does not fit
 * into them. The same members in the same order give the same bytes.
 *
 *   tar_writer_new(out, arg, &w, e);
 *   tar_write_entry(w, &t, e);       // a member: its header …
 *   tar_write_data(w, p, n, e);      // … then its data, t.size_bytes in pieces (TAR_REG only)
 *   tar_writer_end(w, e);            // end-of-archive mark
 *   tar_writer_free(w);
 *
 * A struct tar_entry is what the reader gives, too (tar.h); data_offset and stored_bytes are not
 * looked at, size_bytes is of regular files only. Sparse members are UNSUPPORTED: image-spec
 * layer.md advises against them, their zeros are data here. A path that is "" is the root ("./").
 * Folders get the "/" behind their name. Owners and times as given; attributes as SCHILY.xattr.*
 * records in the order given.
 *
 * Output comes in pieces of up to TAR_WRITE_BYTES; what out returns below 0 ends the call and is
 * returned. INVALID: names with NULs or too long (TAR_MAX_PATH_BYTES), data that is more than was
 * said; INTERNAL: a member or the end before the data was complete. After an error only
 * tar_writer_free is left to do. One thread at a time.
 */
#include "tar/tar.h"

#define TAR_WRITE_BYTES (64u << 10)

typedef int (*tar_out_fn)(void *arg, const void *p, size_t n, struct shale_err *e);

struct tar_writer;
int tar_writer_new(tar_out_fn out, void *arg, struct tar_writer **ret, struct shale_err *e);
int tar_write_entry(struct tar_writer *w, const struct tar_entry *t, struct shale_err *e);
int tar_write_data(struct tar_writer *w, const void *p, size_t n, struct shale_err *e);
/* n bytes of data that are zero. */
int tar_write_zeros(struct tar_writer *w, uint64_t n, struct shale_err *e);
/* A regular file with all its data in one call; mode 0644 of root, for archives of documents. */
int tar_write_file(struct tar_writer *w, const char *path, const void *p, size_t n, int64_t mtime_s,
                   struct shale_err *e);
int tar_writer_end(struct tar_writer *w, struct shale_err *e);
uint64_t tar_writer_bytes(const struct tar_writer *w); /* of the archive so far */
struct tar_writer *tar_writer_free(struct tar_writer *w);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The table of contents of one layer: every member of its tar with metadata and data offsets, in
 * tar order, written while the tar streams by (bounded memory) and read when an index is built or
 * an image is looked into. File: layers/<diffid hex>/toc; a cache, rebuilt from the tar at any
 * time. Everything in it is checked when it is read: a damaged one is CORRUPT.
 *
 * toc_add is a tar_entry_fn: hand it to tar_reader_new.
 */
#include <stdint.h>

#include "base/err.h"
#include "tar/tar.h"

struct toc_stats {
    uint64_t n_entries;
    uint64_t content_bytes; /* sum of the sizes of regular files (docker's layer size) */
};

struct toc_writer;
int toc_create(int dirfd, const char *name, struct toc_writer **ret, struct shale_err *e);
int toc_add(void *toc_writer, const struct tar_entry *t, struct shale_err *e);
/* Writes the trailer. The file is complete only then: a reader refuses one without it. */
int toc_finish(struct toc_writer *w, struct toc_stats *ret, struct shale_err *e);
struct toc_writer *toc_writer_free(struct toc_writer *w);
/* A writer that writes nothing: what it is given is compared with the file of that name, and
 * toc_finish returns CORRUPT when that is not what would have been written. (The file differs; the
 * writer goes on, so that whoever reads the tar sees all of it.) */
int toc_compare(int dirfd, const char *name, struct toc_writer **ret, struct shale_err *e);
/* One that has no file: toc_finish tells how much there is, and that nothing of it is too large. */
int toc_count(struct toc_writer **ret, struct shale_err *e);

struct toc;
int toc_open(int dirfd, const char *name, struct toc **ret, struct shale_err *e);
void toc_stats(const struct toc *t, struct toc_stats *ret);
/* All entries in tar order. What f gets is borrowed for the call; the bytes of path, link, names
 * and values stay valid until toc_close (the file is mapped). */
int toc_each(struct toc *t, tar_entry_fn f, void *arg, struct shale_err *e);
/* The entry at *pos (0: the first), and *pos moved on to the next: 1, or 0 at the end. A position
 * stays good while the table is open. The arrays of *ret are valid until the next call on `t`. */
int toc_next(struct toc *t, uint64_t *pos, struct tar_entry *ret, struct shale_err *e);
/* Gives the memory of what was read so far back to the system. All stays valid: it is read from the
 * file's cache again when it is looked at. */
void toc_trim(const struct toc *t);
struct toc *toc_close(struct toc *t);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Content-addressed files: blobs/<alg>/<hex>, and downloads in flight in ingest/. A blob's name is
 * the digest of its bytes; a blob that is there is complete and was fsynced before it got its name.
 * Thread-safe, process-safe.
 *
 *   r = blob_begin(b, &digest, size, on_wait, arg, cancel, &w, e);     // 1: it is there already
 *   blob_writer_replay(w, feed, arg, e);   // the part that an earlier attempt left, also hashed
 *   blob_writer_write(w, p, n, e) …
 *   blob_writer_commit(w, e);              // size and digest checked, fsync, rename, fsync of the
 * folder blob_writer_close(w);                  // after commit nothing; else the partial file
 * stays to resume
 *
 * Digests given must be valid. Writing to a read-only store is -SHALE_DENIED, a full disk
 * -SHALE_NO_SPACE (what is there stays, to resume). A partial file that a power cut damaged shows
 * only at commit, as CORRUPT, or in what the bytes are fed to: when blob_writer_offset was not 0
 * after begin, blob_writer_rewind and download once more before giving up.
 */
#include <stdint.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "model/digest.h"

struct blobs;
int blobs_open(int root_fd, bool read_only, struct blobs **ret, struct shale_err *e);
/* Also makes a place for uploads of unknown digest (upload.h). After blobs_open. */
int blobs_open_uploads(struct blobs *b, int root_fd, struct shale_err *e);
struct blobs *blobs_close(struct blobs *b);

/* 1 and the size, or 0. */
int blob_has(struct blobs *b, const struct digest *d, uint64_t *ret_size, struct shale_err *e);
int blob_open(struct blobs *b, const struct digest *d, struct shale_err *e); /* fd or -code */
int blob_read(struct blobs *b, const struct digest *d, struct buf *out, struct shale_err *e);
/* A small blob from memory; the bytes are checked against d. Present already is success. */
int blob_put(struct blobs *b, const struct digest *d, const void *p, size_t n, struct shale_err *e);
/* Missing is success. *ret_size (may be NULL) is the size of what went, else 0. */
int blob_remove(struct blobs *b, const struct digest *d, uint64_t *ret_size, struct shale_err *e);
int blob_each(struct blobs *b, int (*f)(void *arg, const struct digest *d, uint64_t size),
              void *arg, struct shale_err *e);
/* Reads and hashes it all: CORRUPT if it differs, NOT_FOUND. */
int blob_verify(struct blobs *b, const struct digest *d, struct cancel *c, struct shale_err *e);

struct blob_writer;
/* Takes the lock of this digest's download; while another process or thread holds it, calls on_wait
 * once (may be NULL) and waits. Returns 0 with a writer, or 1 when the blob has come into being.
 * size 0: unknown. */
int blob_begin(struct blobs *b, const struct digest *d, uint64_t size, void (*on_wait)(void *arg),
               void *arg, struct cancel *c, struct blob_writer **ret, struct shale_err *e);
uint64_t blob_writer_offset(const struct blob_writer *w); /* bytes that are there */
/* A descriptor of its own for those who read along: what was written can be read there, also after
 * commit or close. Nobody may truncate or rewind any more while others count on it. */
int blob_writer_reader(const struct blob_writer *w, struct shale_err *e);
/* Feeds and hashes the bytes that are there. Without it the first write or commit hashes them. An
 * error of feed ends the replay and is returned; then rewind or close. */
int blob_writer_replay(struct blob_writer *w,
                       int (*feed)(void *arg, const void *p, size_t n, struct shale_err *e),
                       void *arg, struct shale_err *e);
/* Back to nothing; also takes a discard back. */
int blob_writer_rewind(struct blob_writer *w, struct shale_err *e);
/* Whenever bytes can be read there, before they are hashed: how many there are now. */
void blob_writer_tell(struct blob_writer *w, void (*written)(void *arg, uint64_t offset),
                      void *arg);
/* CORRUPT as soon as there are more bytes than `size`. */
int blob_writer_write(struct blob_writer *w, const void *p, size_t n, struct shale_err *e);
/* CORRUPT when size or digest differ: the bytes are then of no use and go at close. On any other
 * error they stay. */
int blob_writer_commit(struct blob_writer *w, struct shale_err *e);
/* The first half of it, for who wants to know about the bytes before they are made durable. */
int blob_writer_check(struct blob_writer *w, struct shale_err *e);
/* Commits several of one store with one sync of the folder: for many small blobs that is what
 * counts. All or an error; after that some may be committed and the others are as they were. */
int blob_writers_commit(struct blob_writer *const *v, size_t n, struct shale_err *e);
void blob_writer_discard(struct blob_writer *w); /* close will remove the partial file */
struct blob_writer *blob_writer_close(struct blob_writer *w);

struct blob_partial { /* a download in flight or left over */
    struct digest digest;
    uint64_t have_bytes, size_bytes; /* size 0: unknown */
    int64_t changed_ns;
    bool active; /* some process holds its lock */
};
int blob_partial_each(struct blobs *b, int (*f)(void *arg, const struct blob_partial *p), void *arg,
                      struct shale_err *e);
/* Removes what crashes leave that nobody would resume: lock files without a download, downloads of
 * blobs that are there. */
int blob_partial_sweep(struct blobs *b, struct shale_err *e);
/* IN_USE while active. Missing is success. */
int blob_partial_remove(struct blobs *b, const struct digest *d, struct shale_err *e);

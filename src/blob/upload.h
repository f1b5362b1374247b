/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bytes that arrive in pieces, under an id, before anybody knows their digest: uploads/<id>. They
 * are hashed while they are written; what a crash leaves is hashed again when it is opened, and
 * goes on. A small note of the caller's (whose upload it is) lies beside the bytes.
 *
 *   upload_begin(b, id, note, &u, e)  or  upload_open(b, id, &u, e)
 *   upload_write(u, p, n, e) …                // at the end
 *   upload_commit(u, &digest, e)              // the bytes become the blob `digest`
 *   upload_close(u)                           // without commit the bytes stay, to go on later
 *
 *   upload_rest(u) … upload_resume(u, e)      // in between another process may go on with it
 *
 * One upload is used by one thread at a time; upload_open of one that is open and does not rest, in
 * whichever process, is IN_USE. Ids are chosen by the caller: [A-Za-z0-9_-], at most UPLOAD_ID_MAX
 * characters; others are NOT_FOUND. Errors as in blob.h.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/digest.h"

#define UPLOAD_ID_MAX   64
#define UPLOAD_NOTE_MAX 1024

struct blobs;
struct upload;

/* EXISTS for an id that is there. */
int upload_begin(struct blobs *b, const char *id, const char *note, struct upload **ret,
                 struct shale_err *e);
/* Chooses what is hashed while bytes come in (default sha256): otherwise a commit with another
 * algorithm reads them once more. Before the first write. */
int upload_expect(struct upload *u, enum hash_alg alg, struct shale_err *e);
/* Does not read the bytes yet: that happens at the first write or commit. NOT_FOUND, IN_USE. */
int upload_open(struct blobs *b, const char *id, struct upload **ret, struct shale_err *e);
/* Lets others have it, until upload_resume: bytes that they have added count from then on. Nothing
 * but that and upload_close may be called meanwhile. */
void upload_rest(struct upload *u);
/* IN_USE while another has it; NOT_FOUND when another has removed it or made it a blob: then it can
 * only be closed. */
int upload_resume(struct upload *u, struct shale_err *e);
const char *upload_note(const struct upload *u); /* borrowed until close */
uint64_t upload_size(const struct upload *u);    /* bytes that are there */
int upload_write(struct upload *u, const void *p, size_t n, struct shale_err *e);
/* Cuts what was written after `size` bytes: a piece that broke off. */
int upload_truncate(struct upload *u, uint64_t size, struct shale_err *e);
/* The slow part of a commit: the digest is checked, the bytes are synced. */
int upload_check(struct upload *u, const struct digest *d, struct shale_err *e);
/* CORRUPT if the bytes have another digest: the upload stays as it is, another digest may be tried.
 * When it returns 0 the blob and its name are on disk and the upload is over. A blob of that digest
 * that is there is replaced by these equal bytes. */
int upload_commit(struct upload *u, const struct digest *d, struct shale_err *e);
bool upload_is_committed(
    const struct upload *u); /* its bytes are a blob: nothing else may be done */
/* Takes a commit back, so that the upload is as it was before. Only while nobody can have come to
 * know of the blob. NOT_FOUND when other bytes have taken the place of these: then it stays so. */
int upload_recall(struct upload *u, const struct digest *d, struct shale_err *e);
/* Removes the bytes at close. */
void upload_discard(struct upload *u);
struct upload *upload_close(struct upload *u); /* accepts NULL, returns NULL */

/* What is there of an upload, without opening it; the note is at most UPLOAD_NOTE_MAX + 1 bytes.
 * NOT_FOUND. Reads the size also while another has it open. */
int upload_stat(struct blobs *b, const char *id, uint64_t *ret_size, char *ret_note,
                struct shale_err *e);

struct upload_info {
    const char *id; /* borrowed for the call */
    uint64_t size_bytes;
    int64_t changed_ns;
};
int upload_each(struct blobs *b, int (*f)(void *arg, const struct upload_info *u), void *arg,
                struct shale_err *e);
/* IN_USE while it is open. Missing is success. */
int upload_remove(struct blobs *b, const char *id, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of blob/, for the files of this folder. */
#include <stdbool.h>
#include <stdint.h>

#include "blob/blob.h"

#define BLOB_IO_BYTES    (256u << 10) /* one read of replay and verify */
#define BLOB_LOCK_SUFFIX ".lock"
#define BLOB_PATH_MAX    (16 + HASH_MAX_HEX + 1) /* "sha512/" or "sha512-", hex, ".lock", NUL */

struct blobs {
    int blobs_fd;   /* blobs/, -1 in a read-only store that has none */
    int ingest_fd;  /* ingest/, the same */
    int uploads_fd; /* uploads/, -1 where there is none */
    bool read_only;
};

struct blob_path {
    char s[BLOB_PATH_MAX];
};

/* Where things lie: "sha256/<hex>" in blobs/, "sha256-<hex>" and "sha256-<hex>.lock" in ingest/. */
struct blob_path blob_path_final(const struct digest *d);
struct blob_path blob_path_partial(const struct digest *d);
struct blob_path blob_path_lock(const struct digest *d);

/* INVALID for a digest that is not set; DENIED in a read-only store. */
int blob_check_digest(const struct digest *d, struct shale_err *e);
int blob_check_writable(struct blobs *b, struct shale_err *e);

/* From errno, with the place of the store where the disk is full. */
int blob_err_sys(struct blobs *b, const struct digest *d, const char *what, struct shale_err *e);

/* Takes the lock of a digest, and makes sure that it is the one others see too: a holder removes
 * the lock file when it has finished, and whoever waited then holds the lock of a file without a
 * name. Returns the descriptor. wait false: -SHALE_IN_USE when another holds it. */
int blob_lock_take(struct blobs *b, const struct digest *d, bool wait, struct cancel *c,
                   struct shale_err *e);
/* Removes the lock's file while it is held. */
void blob_lock_remove(struct blobs *b, const struct digest *d);

/* blob_has without blob_settle. */
int blob_look(struct blobs *b, const struct digest *d, uint64_t *ret_size, struct shale_err *e);
/* A blob that still has a lock file was named, but perhaps its folder was not synced: its writer is
 * about to do it, or was killed before. Does it, so that nobody writes a row about a name that a
 * power cut could take back. */
int blob_settle(struct blobs *b, const struct digest *d, struct shale_err *e);
/* blobs/<alg>/, made and synced when it is missing. */
int blob_make_folder(struct blobs *b, const struct digest *d, struct shale_err *e);
int blob_sync_folder(struct blobs *b, const struct digest *d, struct shale_err *e);

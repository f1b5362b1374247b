/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The thread that fills the index beside everything else: manifests as soon as they come, then
 * their layers, one pass each.
 *
 *   indexer_start(x, blobs, root_fd, &opts, &w, e);
 *   indexer_push(w, &digest);      // a manifest has come; never waits
 *   indexer_stop(w);
 *
 * Nothing has to be remembered: at the start, and whenever more comes than the queue holds, it asks
 * what registry.db has and index.db has not. A layer that was cut off is read again. Of several
 * processes the one with index.lock works; a process gives it up when it has nothing to do.
 *
 *   index_update(x, blobs, root_fd, &opts, rebuild, &result, e);   // the same, once, to the end
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "blob/blob.h"
#include "model/digest.h"
#include "registry/index/index.h"

struct indexer;
struct indexer_opts {
    bool contents;         /* layers are read, too */
    uint64_t max_files;    /* of a layer; one with more is not indexed */
    uint64_t max_bytes;    /* of a compressed layer; 0: no limit */
    uint64_t memory_bytes; /* for the largest package database, and of SQLite's cache */
};

int indexer_start(struct index *x, struct blobs *blobs, int root_fd, const struct indexer_opts *o,
                  struct indexer **ret, struct shale_err *e);
void indexer_push(struct indexer *w, const struct digest *d); /* w may be NULL */
/* Manifests and layers that wait. */
uint64_t indexer_waiting(struct indexer *w);
struct indexer *indexer_stop(struct indexer *w); /* NULL in, NULL out */

struct index_result {
    uint64_t n_manifests, n_layers, n_files; /* read now */
    uint64_t n_failed;                       /* layers that cannot be read, of all */
};
int index_update(struct index *x, struct blobs *blobs, int root_fd, const struct indexer_opts *o,
                 bool rebuild, struct cancel *cancel, struct index_result *ret,
                 struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Filling the index. One process at a time writes layers (index.lock, see indexer.h); all functions
 * are for the thread that has the writer.
 *
 *   index_put_manifest(m, blobs, &digest, e);      // facts, and rows of its layers, not done yet
 *   index_next_layer(m, &layer, &digest, e);       // 1: one that is not done
 *   index_read_layer(m, blobs, &job, e);           // reads it and marks it done
 *   index_sweep(m, e);                             // what the registry has no more
 */
#include "blob/blob.h"
#include "contents/contents.h"
#include "meta/meta.h"
#include "model/digest.h"

/* What can go wrong with the bytes is kept with the row and is no error. */
int index_put_manifest(struct meta *m, struct blobs *blobs, const struct digest *d,
                       struct shale_err *e);
/* Up to n manifests that the registry has and the index has not. */
int index_missing(struct meta *m, struct digest *ret, size_t n, size_t *ret_n, struct shale_err *e);

enum index_layer_state { /* "done" in the table */
                         INDEX_LAYER_WAITS = 0,
                         INDEX_LAYER_DONE = 1,
                         INDEX_LAYER_FAILED =
                             2, /* `problem` says why; what was read until then is not searched */
                         INDEX_LAYER_ABSENT = 3, /* its bytes are not here (yet) */
};
int index_next_layer(struct meta *m, int64_t *ret, struct digest *ret_digest, struct shale_err *e);

struct index_layer_job {
    int64_t layer;
    struct digest digest;
    struct contents_limits limits;
    uint64_t max_bytes; /* of the blob; 0: no limit */
    /* Called now and then, without an open transaction. Negative: stop, and leave the layer for
     * another time. */
    int (*poll)(void *arg, struct shale_err *e);
    void *arg;
    uint64_t n_files; /* result */
};
int index_read_layer(struct meta *m, struct blobs *blobs, struct index_layer_job *j,
                     struct shale_err *e);

/* Removes some of what the registry has no more; how much, 0 at the end. */
int index_sweep(struct meta *m, struct shale_err *e);
/* Everything. */
int index_empty(struct meta *m, struct shale_err *e);

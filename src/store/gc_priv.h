/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by gc.c (all that nothing needs) and gc_near.c (what some images have left). */
#include "store/store_priv.h"

#define SWEEP_CHUNK 256 /* pieces that go in one transaction */

struct sweep {
    struct store *s;
    uint64_t freed;
    bool dry; /* within a transaction of the caller: nothing is changed */
};

struct doomed { /* files that go at once */
    struct sweep *w;
    const struct digest *v[SWEEP_CHUNK];
    uint64_t bytes[SWEEP_CHUNK];
    size_t n;
};

/* Each is asked for once more, in the transaction in which its file goes; but not if no row has
 * changed since `at`, when nothing needed them (NULL: not known). */
int sweep_blob_files(struct sweep *w, const struct meta_digests *l, const struct meta_stamp *at,
                     struct shale_err *e);
/* At most SWEEP_CHUNK. The names go inside the transaction, the bytes after it. at: as above. */
int sweep_layer_chunk(struct sweep *w, const struct digest *v, size_t n, struct meta_stamp *at,
                      struct shale_err *e);
/* At most SWEEP_CHUNK. */
int sweep_stack_chunk(struct sweep *w, const struct sweep_stack *v, size_t n, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
/* Collection of what images that have been removed may have left, and of nothing else: what it
 * takes does not grow with the store. */
#include "base/cleanup.h"
#include "store/gc_priv.h"

/* Rows of those of the blobs, and of all that hangs on them, that nothing needs. */
static int forget(struct sweep *w, const struct meta_digests *seeds, struct arena *a,
                  struct meta_digests *ret, struct meta_stamp *ret_at, struct shale_err *e)
{
    struct meta *m = w->s->meta;
    struct meta_digests all = {0};
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = meta_gc_below(m, seeds, a, &all, e);
    struct digest *dead = r < 0 ? NULL : arena_array(a, all.n + 1, sizeof *dead);
    if (r >= 0 && !dead)
        r = err_nomem(e);
    *ret = (struct meta_digests){dead, 0};
    for (size_t i = 0; r >= 0 && i < all.n; i++) {
        r = meta_gc_blob_needed(m, &all.v[i], e);
        if (r == 0)
            dead[ret->n++] = all.v[i];
    }
    if (r >= 0 && ret->n > 0 && !w->dry)
        r = meta_blobs_delete(m, ret, e);
    if (r >= 0)
        r = meta_stamp(m, ret_at, e);
    return meta_end(m, r < 0 ? r : 0, e);
}

static int sweep_blobs(struct sweep *w, const struct meta_digests *seeds, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta_digests dead = {NULL, 0};
    struct meta_stamp at = {0, 0};
    int r = forget(w, seeds, &a, &dead, &at, e);

    if (r >= 0 && dead.n > 0 && !w->dry)
        r = meta_sync(w->s->meta, e);
    return r < 0 ? r : sweep_blob_files(w, &dead, &at, e);
}

static size_t chunk(size_t i, size_t n)
{
    return n - i < SWEEP_CHUNK ? n - i : SWEEP_CHUNK;
}

int store_gc_near(struct store *s, const struct store_gc_seeds *x, bool dry,
                  uint64_t *ret_freed_bytes, struct shale_err *e)
{
    struct sweep w = {.s = s, .dry = dry};
    int r = sweep_blobs(&w, &x->blobs, e);

    for (size_t i = 0; r >= 0 && i < x->n_stacks; i += SWEEP_CHUNK)
        r = sweep_stack_chunk(&w, x->stacks + i, chunk(i, x->n_stacks), e);
    for (size_t i = 0; r >= 0 && i < x->layers.n; i += SWEEP_CHUNK)
        r = sweep_layer_chunk(&w, x->layers.v + i, chunk(i, x->layers.n), NULL, e);
    if (r >= 0)
        *ret_freed_bytes = w.freed;
    return r < 0 ? r : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rows about bytes: blobs and the edges between them, layers and stacks (caches), leases, downloads
 * in flight, and the question that garbage collection asks: what is still needed? See meta.h for
 * rules that hold for all functions.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/digest.h"

struct meta;

/* A list of digests in an arena. */
struct meta_digests {
    struct digest *v;
    size_t n;
};

/* ---- blobs: manifests, indexes, configs, compressed layers ---- */
struct meta_blob {
    struct digest digest;
    uint64_t size_bytes;
    const char *media_type; /* "" if unknown */
    int64_t added_ns;
};

/* The row of a blob whose bytes are in blobs/ already. There already: size and a non-empty media
 * type are updated. added_ns 0: now. */
int meta_blob_put(struct meta *m, const struct meta_blob *b, struct shale_err *e);
int meta_blob_get(struct meta *m, const struct digest *d, struct arena *a, struct meta_blob *ret,
                  struct shale_err *e);
/* With its edges to children and its layer_blobs row. Missing is success. */
int meta_blob_delete(struct meta *m, const struct digest *d, struct shale_err *e);
int meta_blobs_delete(struct meta *m, const struct meta_digests *l, struct shale_err *e);
/* In order of digest; media_type is borrowed for the call. */
int meta_blob_each(struct meta *m, int (*f)(void *arg, const struct meta_blob *b), void *arg,
                   struct shale_err *e);
int meta_blob_totals(struct meta *m, uint64_t *ret_n, uint64_t *ret_bytes, struct shale_err *e);

/* ---- edges: parent (index, manifest) needs child (manifest, config, layer) ---- */
/* Children that are not in the store may be named. Idempotent. */
int meta_edge_put(struct meta *m, const struct digest *parent, const struct digest *child,
                  struct shale_err *e);

/* ---- layers: layers/<diff_id>/ ---- */
enum meta_layer_state {
    META_LAYER_COMPLETE = 0,
    META_LAYER_SUSPECT = 1, /* seen damaged or not trusted: re-hash before use */
    META_LAYER_LATER = 2,   /* its files are made from its blob when they are first needed */
};
struct meta_layer {
    struct digest diff_id;
    uint64_t tar_bytes;     /* of layer.tar */
    uint64_t content_bytes; /* sum of file sizes: what docker calls the size of a layer */
    uint64_t n_entries;
    char
        boot_id[37]; /* boot under which it was written or last checked; "" : known to be on disk */
    enum meta_layer_state state;
};

int meta_layer_put(struct meta *m, const struct meta_layer *l,
                   struct shale_err *e); /* or replaces */
int meta_layer_get(struct meta *m, const struct digest *diff_id, struct meta_layer *ret,
                   struct shale_err *e);
int meta_layer_delete(struct meta *m, const struct digest *diff_id, struct shale_err *e);
/* NOT_FOUND if there is no such row. */
int meta_layer_set_state(struct meta *m, const struct digest *diff_id, enum meta_layer_state state,
                         const char *boot_id, struct shale_err *e);
int meta_layer_each(struct meta *m, int (*f)(void *arg, const struct meta_layer *l), void *arg,
                    struct shale_err *e);
int meta_layer_totals(struct meta *m, uint64_t *ret_n, uint64_t *ret_tar_bytes,
                      struct shale_err *e);

/* Which compressed blob inflates to which layer. Several blobs may give one layer. */
struct meta_layer_blob {
    struct digest blob, diff_id;
    uint64_t size_bytes; /* of the blob */
};
int meta_layer_blob_put(struct meta *m, const struct digest *blob, const struct digest *diff_id,
                        uint64_t size_bytes, struct shale_err *e);
int meta_layer_blob_get(struct meta *m, const struct digest *blob, struct meta_layer_blob *ret,
                        struct shale_err *e);
/* Blobs of a layer, newest first. */
int meta_layer_blobs(struct meta *m, const struct digest *diff_id, struct arena *a,
                     struct meta_layer_blob **ret, size_t *ret_n, struct shale_err *e);

/* ---- stacks: images/<chain>/, the driver's merged index of a stack of layers ---- */
struct meta_stack {
    struct digest chain;
    const char *driver;
    char boot_id[37];
};
int meta_stack_put(struct meta *m, const struct digest *chain, const char *driver,
                   const char *boot_id, struct shale_err *e);
int meta_stack_get(struct meta *m, const struct digest *chain, const char *driver, struct arena *a,
                   struct meta_stack *ret, struct shale_err *e);
int meta_stack_delete(struct meta *m, const struct digest *chain,
                      struct shale_err *e); /* all drivers */

/* ---- leases: work in progress ---- */
/* A lease is alive while the process that made it lives (same boot, same start time) and it has not
 * expired. Dead ones protect nothing. */
int meta_lease_begin(struct meta *m, const char *note, int64_t ttl_ns, uint64_t *ret_id,
                     struct shale_err *e);
/* Blob digests and diff_ids. Idempotent. NOT_FOUND for a lease that is not alive. When it returns 0
 * no collector will remove d, but one may have done so before: look for the bytes after this call,
 * not before. */
int meta_lease_add(struct meta *m, uint64_t lease, const struct digest *d, struct shale_err *e);
int meta_lease_end(struct meta *m, uint64_t lease, struct shale_err *e);
/* Removes dead leases. */
int meta_lease_sweep(struct meta *m, uint64_t *ret_n, struct shale_err *e);

/* ---- downloads in flight: what ingest/ files belong to ---- */
struct meta_pull {
    struct digest digest;
    const char *ref, *repo;
    uint64_t size_bytes; /* 0: unknown */
    int64_t started_ns;
};
int meta_pull_put(struct meta *m, const struct meta_pull *p,
                  struct shale_err *e); /* started_ns 0: now */
int meta_pull_get(struct meta *m, const struct digest *d, struct arena *a, struct meta_pull *ret,
                  struct shale_err *e);
int meta_pull_delete(struct meta *m, const struct digest *d,
                     struct shale_err *e); /* missing: success */

/*
 * ---- what may be collected ----
 *
 * Roots are: targets of tags, repository digests, images (also those only held by containers), and
 * items of living leases; from them along edges. A collector does, per piece of garbage, so that no
 * pull that takes a lease and then looks for the bytes can lose them, and no row ever names bytes
 * that are gone:
 *
 *   meta_begin; meta_gc_blob_needed(d) → 0?  meta_blob_delete(d); meta_commit
 *   meta_begin; meta_gc_blob_needed(d) → 0?  and no row?  remove the file; meta_commit
 *
 * Where nothing has changed since the first answer (meta_stamp) it need not be asked again. The
 * second step alone serves files that have no row.
 */
/* Blobs with a row that nothing needs, as of now. */
int meta_gc_blobs(struct meta *m, struct arena *a, struct meta_digests *ret, struct shale_err *e);
int meta_gc_layers(struct meta *m, struct arena *a, struct meta_digests *ret, struct shale_err *e);
/* 1 needed, 0 not. For names without a row too. */
int meta_gc_blob_needed(struct meta *m, const struct digest *d, struct shale_err *e);
/* A layer is needed by images and by leases on its diff_id or on a blob that inflates to it. */
int meta_gc_layer_needed(struct meta *m, const struct digest *diff_id, struct shale_err *e);
int meta_gc_stack_needed(struct meta *m, const struct digest *chain, struct shale_err *e);
/* 1 also where an image only might have a stack of `depth` layers whose last is `top`. */
int meta_gc_stack_part_needed(struct meta *m, const struct digest *top, size_t depth,
                              struct shale_err *e);
/* The seeds that have a row, and what is reached from them along edges. Each once. */
int meta_gc_below(struct meta *m, const struct meta_digests *seeds, struct arena *a,
                  struct meta_digests *ret, struct shale_err *e);

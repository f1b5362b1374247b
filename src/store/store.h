/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The local store: blobs, metadata and root file systems under one root, in crash order (blob
 * bytes, fsync, rename, fsync of the folder, row). Several processes may use one store; a handle
 * may be used by several threads.
 *
 *   root/  blobs/ ingest/ layers/ images/ containers/ locks/ events/ shale.db
 *
 * Truth is blobs/ and the database; layers/ and images/ are caches that are rebuilt from blobs
 * whenever they are missing or not to be trusted (a row written under another boot that was never
 * synced).
 */
#include <shale/progress.h>
#include <shale/shale.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "blob/blob.h"
#include "meta/meta.h"
#include "meta/meta_container.h"
#include "meta/meta_content.h"
#include "meta/meta_image.h"
#include "model/config.h"
#include "model/endpoint.h"
#include "model/manifest.h"
#include "rootfs/rootfs.h"

struct store;

struct store_opts {
    const char *root;   /* absolute path, created if missing */
    const char *driver; /* rootfs driver, NULL: automatic */
    bool read_only;
    uint64_t max_inflate_ratio; /* of layers that come in; 0: LIMIT_INFLATE_RATIO */
};

int store_open(const struct store_opts *o, struct store **ret, struct shale_err *e);
struct store *store_close(struct store *s);

const char *store_root(const struct store *s);
int store_root_fd(const struct store *s);
struct meta *store_meta(struct store *s);
struct blobs *store_blobs(struct store *s);
uint64_t store_max_inflate_ratio(const struct store *s); /* of layers that come in */
const char *store_boot_id(const struct store *s);
/* Opened (and probed) at the first call. Borrowed. */
int store_driver(struct store *s, struct rootfs_driver **ret, struct shale_err *e);

/* ---- leases: what is named here is not collected while the lease lives ---- */
struct store_lease;
int store_lease_begin(struct store *s, const char *note, struct store_lease **ret,
                      struct shale_err *e);
int store_lease_add(struct store_lease *l, const struct digest *d, struct shale_err *e);
struct store_lease *store_lease_end(struct store_lease *l); /* NULL in, NULL out */

/* ---- documents ---- */
/* Manifest, index or config bytes, verified against the digest. */
int store_document(struct store *s, const struct digest *d, struct buf *out, struct shale_err *e);
/* Parsed config of an image. */
int store_config(struct store *s, const struct digest *image_id, struct arena *a,
                 struct config *ret, struct shale_err *e);

/* ---- the sink: where copies go ---- */
struct store_sink_opts {
    struct store_lease *lease;     /* protects all that arrives; not owned */
    const char *origin;            /* reference text for `shale pulls ls`; NULL: "" */
    shale_progress_fn on_progress; /* per layer; may be NULL */
    void *progress_arg;
    bool all_blobs; /* also those whose layer is here under another compression (ADR 11) */
    /* `put` does not wait either: what it was given lasts when `settle` has returned, and not
     * before what came before it. Strings of descriptors must live until then. */
    bool late;
    /* Layers of less than a block get their files when somebody needs them (ADR 26). */
    bool later;
};
/* Blobs that come without a diffID are kept as they are. */
int store_sink_open(struct store *s, const struct store_sink_opts *o, struct sink **ret,
                    struct shale_err *e);

/* The store as a source, by digests. A lease must protect what is read. */
int store_source_open(struct store *s, struct source **ret, struct shale_err *e);

/* Makes the image row of a manifest whose config and layers have all arrived, and the edges for
 * collection. Idempotent. *ret_id is the image ID. */
int store_image_add(struct store *s, const struct descriptor *manifest, struct digest *ret_id,
                    struct shale_err *e);
/* Edges of an index, and of the manifests and indexes it names that are here. */
int store_index_add(struct store *s, const struct descriptor *index, struct shale_err *e);

/* ---- layers and root file systems ---- */
/* The layer's tar and table of contents are there and can be trusted; re-hashed or rebuilt from its
 * blob where needed. */
int store_layer_ensure(struct store *s, const struct digest *diff_id, struct cancel *c,
                       struct shale_err *e);
/* Ensures a layer and opens it: its table of contents and its tar (O_RDONLY), for the caller to
 * close. What is open stays readable when the layer is collected. */
struct toc;
int store_layer_open(struct store *s, const struct digest *diff_id, struct cancel *c,
                     struct toc **ret_toc, int *ret_tar, struct shale_err *e);
/* Stack of an image for rootfs/. */
int store_stack(struct store *s, const struct digest *image_id, struct arena *a,
                struct rootfs_image *ret, struct shale_err *e);
/* Ensures all layers and the driver's cache, so that mounting is quick. */
int store_rootfs_prepare(struct store *s, const struct digest *image_id, struct cancel *c,
                         struct shale_err *e);
/* Prepare and mount; target and w as rootfs_ops.mount. */
int store_rootfs_mount(struct store *s, const struct digest *image_id, const char *target,
                       const struct rootfs_writable *w, struct cancel *c, struct shale_err *e);
/* Prepares it and opens a read-only view of it that is mounted nowhere: a descriptor, or -code. */
int store_rootfs_view(struct store *s, const struct digest *image_id, struct cancel *c,
                      struct shale_err *e);
/* Prepares it, for those who compare with it: as rootfs_ops.lower. Close it with lower_close. */
struct lower;
int store_rootfs_lower(struct store *s, const struct digest *image_id, struct cancel *c,
                       struct lower *ret, struct shale_err *e);
int store_rootfs_umount(struct store *s, const char *target, struct shale_err *e);

/* ---- the same of a stack of layers that is no image (yet); base first, none is an empty root ----
 * The caller's lease protects the layers. What the driver keeps of the stack may be collected at
 * any time that it is not in use, and is then made again; what is mounted or viewed stays. */
int store_stack_of(const struct meta_image_layer *layers, size_t n, struct arena *a,
                   struct rootfs_image *ret, struct shale_err *e);
int store_stack_prepare(struct store *s, const struct meta_image_layer *layers, size_t n,
                        struct cancel *c, struct shale_err *e);
/* Undone by store_rootfs_umount. */
int store_stack_mount(struct store *s, const struct meta_image_layer *layers, size_t n,
                      const char *target, const struct rootfs_writable *w, struct cancel *c,
                      struct shale_err *e);
int store_stack_view(struct store *s, const struct meta_image_layer *layers, size_t n,
                     struct cancel *c, struct shale_err *e);
int store_stack_lower(struct store *s, const struct meta_image_layer *layers, size_t n,
                      struct cancel *c, struct lower *ret, struct shale_err *e);
/* Where the bytes of the files of its view lie (rootfs.h). *ret NULL: that is not known. */
int store_stack_origins(struct store *s, const struct meta_image_layer *layers, size_t n,
                        struct rootfs_origins **ret, struct shale_err *e);

/* Makes sure that caches written under this boot are on disk (syncfs), so that they are trusted
 * after the next one. Cheap when nothing is dirty; done before a pull. */
int store_settle(struct store *s, struct shale_err *e);

/* ---- what lies on the disk ---- */
struct store_part {
    const char *name, *path; /* static; "Compressed blobs", "blobs" */
    uint64_t n_files, bytes; /* bytes: space on disk, folders too */
};
#define STORE_PARTS 9
/* Space that the files below the root take, part by part into ret[STORE_PARTS]; the sum is what
 * `du -sx` says of the root. Mounts are not followed. */
int store_usage(struct store *s, struct store_part *ret, struct cancel *c, struct shale_err *e);

/* What images take, as store_gc counts what it frees: blobs by their sizes, layers and indexes by
 * space on disk. */
int store_content_bytes(struct store *s, uint64_t *ret, struct shale_err *e);

/* ---- collection and checking ---- */
/* Mark from tags, digests, images, containers and leases; sweep blobs, layers, stacks and rows.
 * Online. */
int store_gc(struct store *s, uint64_t *ret_freed_bytes, struct shale_err *e);
/* What store_gc would free after the changes of the transaction that the caller is in. Changes
 * nothing. */
int store_gc_preview(struct store *s, uint64_t *ret_freed_bytes, struct shale_err *e);
/* The same for what some images had, without a look at the rest of the store. What a process that
 * died has left is not found by it. */
struct sweep_stack { /* images/<chain>: a stack of `depth` layers, `top` the last of them */
    struct digest chain, top;
    size_t depth; /* 0: not known; nothing but images of this chain need it */
};
struct store_gc_seeds {
    struct meta_digests blobs;  /* manifests, indexes, configs, layers; what these name, too */
    struct meta_digests layers; /* diffIDs */
    struct sweep_stack *stacks;
    size_t n_stacks;
};
int store_gc_near(struct store *s, const struct store_gc_seeds *x, bool dry,
                  uint64_t *ret_freed_bytes, struct shale_err *e);
int store_fsck(struct store *s, const struct shale_fsck_opts *o, struct shale_fsck_result *ret,
               struct cancel *c, struct shale_err *e);

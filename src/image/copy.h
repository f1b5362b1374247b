/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The one graph walk: from any source to any sink. Pull, push, save and load are thin around it.
 *
 * Order: config, layers, manifest, index. A manifest reaches the sink after all that it names, so
 * that a sink never holds a name for bytes that are missing.
 */
#include <shale/progress.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"
#include "model/config.h"
#include "model/endpoint.h"
#include "model/manifest.h"

#define COPY_DEFAULT_PARALLEL 4

struct copy_opts {
    const struct platform *platform; /* which entry of an index */
    bool by_host;                    /* the platform is this host's, nobody asked for it */
    uint32_t n_parallel;             /* layers at once; 0: COPY_DEFAULT_PARALLEL */
    shale_progress_fn on_progress;   /* may be NULL */
    void *progress_arg;
    /* Told what was found before more is fetched: the manifest or index behind the name, then (once
     * more, if it is the same) the manifest that will be copied. May be NULL. */
    int (*on_manifest)(void *arg, const struct manifest *m, struct shale_err *e);
    void *manifest_arg;
    struct cancel *cancel; /* may be NULL */
    /* copy_graph, copy_whole: entries of indexes, other than indexes, that are left out. May be
     * NULL. */
    bool (*skip)(void *arg, const struct descriptor *entry);
    void *skip_arg;
    /* copy_graph: layers and other blobs of manifests that are left out. May be NULL. */
    bool (*skip_blob)(void *arg, const struct descriptor *d, const struct digest *diff_id);
    void *skip_blob_arg;
    bool skip_missing; /* copy_whole: entries whose manifest the source does not have, too */
    /* copy_image: the caller settles the sink, also after an error, before the arena goes. For a
     * sink that keeps the order of what it takes. */
    bool settle_later;
};

struct copy_result {
    struct descriptor target; /* behind the name: a manifest or an index */
    struct descriptor
        image; /* the manifest that was copied; equals target when that is none of an index */
    struct digest config;
    struct platform platform; /* of the config */
};

/* Copies what `name` (tag or digest) stands for. Values of *ret live in the arena. Errors:
 * NOT_FOUND also when no entry of an index fits the platform, UNSUPPORTED for what is no container
 * image, CORRUPT for bytes that are not what their descriptor says. */
int copy_image(struct source *from, const char *name, struct sink *to, const struct copy_opts *o,
               struct arena *a, struct copy_result *ret, struct shale_err *e);

struct copy_images {
    struct descriptor target; /* behind the name */
    struct copy_result *v;    /* of each image; target and image are the same */
    size_t n;                 /* at least 1 */
};
/* Copies what `name` stands for with all that hangs on it, image by image: layers are checked
 * against configs, as copy_image does. What an index has beside images (attestations) is copied
 * byte for byte. Platform plays no part. Values of *ret live in the arena. Errors as copy_image;
 * NOT_FOUND also for content that the index names and the source does not have. */
int copy_whole(struct source *from, const char *name, struct sink *to, const struct copy_opts *o,
               struct arena *a, struct copy_images *ret, struct shale_err *e);

/* Walks from a name to the manifest for a platform without copying anything. *ret_have is what the
 * image itself says: where the name is no index, it may be another platform. */
int copy_find(struct source *from, const char *name, const struct platform *want, struct arena *a,
              struct descriptor *ret_image, struct platform *ret_have, struct cancel *c,
              struct shale_err *e);

/* The manifest and the config of an image, with its layers checked for being such. *ret_chosen: an
 * index has said that it is for the platform. */
int copy_documents(struct source *from, const char *name, const struct platform *want, bool by_host,
                   struct arena *a, struct manifest *ret, struct config *ret_config,
                   bool *ret_chosen, struct cancel *c, struct shale_err *e);

/* Copies a manifest, or an index with everything that hangs on it, byte for byte, and puts it under
 * `tag` (NULL: its digest only). Foreign layers that the source does not hold are left out.
 * Platform and on_manifest play no part. *ret is the manifest or index. */
int copy_graph(struct source *from, const char *name, struct sink *to, const char *tag,
               const struct copy_opts *o, struct arena *a, struct descriptor *ret,
               struct shale_err *e);

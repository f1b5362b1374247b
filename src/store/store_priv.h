/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of the store, for the files of this folder. */
#include <pthread.h>
#include <stdbool.h>

#include "store/store.h"

#define STORE_DB          "shale.db"
#define STORE_DRIVER_MEMO "rootfs-driver"

struct store {
    char *root;
    int root_fd;
    int layers_fd; /* layers/, opened when first needed; -1 before */
    bool read_only;
    char boot_id[37];
    char *driver_name; /* as asked for, NULL: automatic */
    uint64_t max_inflate_ratio;
    struct meta *meta;
    struct blobs *blobs;

    pthread_mutex_t mutex; /* guards driver and layers_fd */
    struct rootfs_driver *driver;
};

/* layers/ as a descriptor, borrowed. */
int store_layers_fd(struct store *s, struct shale_err *e);

/* One row for a layer that has just been published under layers/. blob: what it came from; NULL:
 * nothing new about that. */
struct layer_in_result;
int store_record_layer(struct store *s, const struct digest *blob, uint64_t blob_bytes,
                       const struct layer_in_result *in, struct shale_err *e);

/* 1 if layers/<diff> is complete and was written under this boot (or has been checked since), 0 if
 * it is missing or must be looked at. */
int store_layer_trusted(struct store *s, const struct digest *diff_id, struct shale_err *e);

/* Re-hashes layers/<diff>/layer.tar, and compares its toc with what the tar holds. */
enum { STORE_LAYER_BAD = 0, STORE_LAYER_GOOD, STORE_LAYER_TOC_BAD }; /* BAD: missing, too */
/* What a GOOD one consists of goes to *ret (may be NULL). */
int store_layer_check(struct store *s, const struct digest *diff_id, struct layer_in_result *ret,
                      struct cancel *c, struct shale_err *e);
/* The same of a layer that has no files yet (META_LAYER_LATER): what would become of its blob. */
int store_layer_check_blob(struct store *s, const struct digest *diff_id,
                           struct layer_in_result *ret, struct cancel *c, struct shale_err *e);
/* Makes the toc of a tar that is good, and its row. CORRUPT: it is not good. Under the layer's
 * lock. */
int store_layer_make_toc(struct store *s, const struct digest *diff_id, struct cancel *c,
                         struct shale_err *e);
/* 1 and a blob that is here and inflates to the layer, 0 without one. */
int store_layer_blob(struct store *s, const struct digest *diff_id, struct arena *a,
                     struct digest *ret, struct shale_err *e);
/* store_layer_ensure, with a blob that is known to inflate to it (NULL: look for one). */
int store_layer_make(struct store *s, const struct digest *diff_id, const struct digest *blob,
                     struct cancel *c, struct shale_err *e);
/* The same from a blob of which is not known what it inflates to; that is verified and remembered.
 * `later`: a small layer needs no files yet. */
int store_layer_learn(struct store *s, const struct digest *diff_id, const struct digest *blob,
                      bool later, struct cancel *c, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Archives without the layers of images that the other side has (`save --since`): which layers
 * these are, and, on loading, whether they are here. Values live in the arena that is given.
 */
#include "archive/archive.h"
#include "image/image.h"

struct since {
    struct digest *v; /* diffIDs and blobs */
    size_t n, cap;
    const char *text; /* "alpine:3 (sha256:…), …" */
    size_t n_left_out;
};
/* images: NULL-terminated. Of a list the layers of all its images that are here. NOT_FOUND. */
int since_find(struct store *s, const char *const *images, struct arena *a, struct since *ret,
               struct shale_err *e);
/* copy_opts.skip_blob with a struct since. Counts. */
bool since_leaves_out(void *arg, const struct descriptor *d, const struct digest *diff_id);

/* Layers of an image of the archive that are neither there nor in the store: NOT_FOUND, naming them
 * and the images that have them. */
int since_check(struct store *s, struct archive *x, const struct manifest *m, struct cancel *c,
                struct arena *a, struct shale_err *e);

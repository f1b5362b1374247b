/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Images that are made here, of a config and layers that are in the store. */
#include "base/json.h"
#include "model/platform.h"
#include "store/store.h"

struct image_made {
    struct digest id, manifest;
    uint64_t manifest_bytes;
};
/* Puts config (its rootfs is set to the layers: it changes) and an OCI manifest into the store, and
 * the image's row; no name. parent: the image it was made from here, NULL: none. The lease protects
 * all until then. annotations: of the manifest; NULL: none. NOT_FOUND when the blob of a layer is
 * not here. */
int image_make(struct store *s, struct store_lease *lease, json_t *config,
               const struct meta_image_layer *layers, size_t n, const struct digest *parent,
               const json_t *annotations, struct image_made *ret, struct shale_err *e);
struct image_entry { /* of a list */
    struct image_made made;
    struct platform platform;
    json_t *annotations; /* of the entry; NULL: none */
};
/* Puts an OCI index of images that were made here into the store. The lease protects it; it goes
 * when no name stands for it. annotations: of the index; NULL: none. */
int image_make_list(struct store *s, struct store_lease *lease, const struct image_entry *v,
                    size_t n, const json_t *annotations, struct digest *ret, struct shale_err *e);

struct image_statement {   /* of in-toto, about an image */
    const char *predicate; /* its type */
    json_t *doc;
};
/* Puts statements about a manifest into the store. *ret is their entry in the list that has the
 * image; its annotations are to be freed. The lease protects all until a name stands for the list.
 */
int image_make_attestation(struct store *s, struct store_lease *lease, const struct digest *about,
                           const struct image_statement *v, size_t n, struct image_entry *ret,
                           struct shale_err *e);

/* A document with its row, protected by the lease. */
int image_put_document(struct store *s, struct store_lease *lease, const char *type,
                       const json_t *doc, struct descriptor *ret, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Documents of the Engine API about images, from the results of libshale. `version` is that of the
 * API, as 151 for 1.51: what it shows has changed over the years. Each returns a new reference in
 * *ret, or -SHALE_NO_MEMORY, -SHALE_CORRUPT.
 */
#include <jansson.h>
#include <shale/image.h>
#include <shale/manifest.h>
#include <shale/search.h>

#include "base/err.h"
#include "view/json_put.h"

/* An image of a listing: Summary. */
struct api_image {
    const struct shale_image *image;
    int64_t shared_bytes;                        /* -1: not counted */
    const struct shale_platform_list *platforms; /* for Manifests and Descriptor; NULL: not asked
                                                    for */
    bool counted;                                /* its containers are, whatever the version */
};
/* Written, as one element of a list. */
int api_put_image_summary(struct json_put *w, const struct api_image *i, int version,
                          struct shale_err *e);
/* GET /images/X/json; what view/doc.h makes, as it was and is in that version. `platforms`: for
 * Manifests; NULL: not asked for. */
int api_doc_image(const struct shale_image_detail *d, const struct shale_platform_list *platforms,
                  int version, json_t **ret, struct shale_err *e);
/* GET /images/X/history */
int api_doc_history(const struct shale_history *h, json_t **ret, struct shale_err *e);
/* GET /images/search */
int api_doc_search(const struct shale_repository_list *l, json_t **ret, struct shale_err *e);
/* GET /distribution/X/json: a descriptor, and the platforms behind it. `one`: of what is no list;
 * else NULL. */
int api_doc_distribution(const struct shale_manifest *m, const struct shale_list *one, json_t **ret,
                         struct shale_err *e);
/* DELETE /images/X: a list; POST /images/prune: ImagesDeleted, null if none, and SpaceReclaimed. */
int api_doc_removed(const struct shale_rmi_result *r, json_t **ret, struct shale_err *e);
int api_doc_pruned(const struct shale_rmi_result *r, json_t **ret, struct shale_err *e);

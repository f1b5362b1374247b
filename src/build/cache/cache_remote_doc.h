/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The document of a cache that lies elsewhere, in BuildKit's form (application/vnd.buildkit.
 * cacheconfig.v0): a list of layers, and records, each of a key and the layer that its step gave.
 * Keys are ours (key.c's hex as "sha256:<hex>"); records of BuildKit, which depend on others
 * ("inputs"), and whatever else makes no sense to us, are passed over. Two caches in one form do no
 * harm to each other.
 *
 * The text comes from anybody. Pure. Errors: INVALID, CORRUPT, LIMIT, NO_MEMORY.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/digest.h"

#define CACHE_DOC_TYPE "application/vnd.buildkit.cacheconfig.v0"
#define CACHE_DOC_INLINE                                                                           \
    "moby.buildkit.cache.v0" /* member of an image's config: base64 of records */
#define CACHE_DOC_RECORDS 100000
#define CACHE_DOC_LAYERS  4096
#define CACHE_DOC_NONE    SIZE_MAX

struct cache_doc_layer {
    struct digest blob, diff_id; /* diff_id "": it is not told */
    uint64_t size_bytes;
    const char *media_type;
};
struct cache_doc_record {
    char key[65];
    size_t layer; /* CACHE_DOC_NONE: the step changed no file */
    int64_t created_ns;
};
struct cache_doc {
    struct cache_doc_layer *layers;
    size_t n_layers;
    struct cache_doc_record *records;
    size_t n_records;
};

int cache_doc_parse(const void *p, size_t n, struct arena *a, struct cache_doc *ret,
                    struct shale_err *e);
/* Records only, of an image with so many layers. */
int cache_doc_parse_inline(const void *p, size_t n, size_t n_layers, struct arena *a,
                           struct cache_doc *ret, struct shale_err *e);
/* *ret is owned. */
int cache_doc_write(const struct cache_doc *d, json_t **ret, struct shale_err *e);
int cache_doc_write_inline(const struct cache_doc *d, json_t **ret, struct shale_err *e);

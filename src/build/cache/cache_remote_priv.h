/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of cache_remote.h share. */
#include "build/cache/cache_remote.h"
#include "build/cache/cache_remote_doc.h"
#include "build/result/compress.h"
#include "model/endpoint.h"

#define CACHE_REMOTE_PLACES 16
#define CACHE_REMOTE_BYTES  (256ull << 20) /* of memory of all documents */

/* ---- options (cache_remote_opts.c) ---- */
enum cache_place_type { CACHE_REGISTRY, CACHE_LOCAL, CACHE_INLINE };
struct cache_place {
    enum cache_place_type type;
    const char *where; /* a reference, or a folder */
    const char *tag;   /* of a folder; "latest" */
    const char *digest;
    bool all, ignore_error; /* mode=max */
    struct compression compression;
};
struct cache_places {
    struct cache_place v[CACHE_REMOTE_PLACES];
    size_t n;
};
int cache_places_parse(const char *const *list, bool to, struct arena *a, struct cache_places *ret,
                       struct shale_err *e);

/* ---- what a build knows ---- */
struct cache_record { /* of a cache that was read */
    char key[65];
    uint32_t from;
    const struct descriptor *layer; /* NULL: the step changed no file */
    struct digest diff_id;
    int64_t created_ns;
};
/* A layer that a record has and that is not in the store yet. */
struct cache_promise {
    struct cache_promise *next;
    const struct cache_record *of;
    enum { PROMISE_GIVEN, PROMISE_BEING_KEPT, PROMISE_KEPT } state;
};
struct cache_note { /* of this build */
    char key[65];
    struct meta_image_layer layer;
    int64_t created_ns;
    const struct build *by; /* of which platform */
};
struct cache_remote {
    struct build_host *h;
    struct cancel *cancel;
    struct cache_places from, to;
    bool is_inline;
    struct arena a;   /* options, and what was read */
    struct arena own; /* what this build notes; mutex, once stages run */
    pthread_mutex_t mutex;
    struct source *sources[CACHE_REMOTE_PLACES];
    struct cache_record *records; /* by key */
    size_t n_records, cap_records;
    struct cache_note *notes;
    size_t n_notes, cap_notes;
    struct digest *final; /* layers of what is built, for mode=min */
    size_t n_final, cap_final;
    struct cache_promise *promises; /* mutex, as all below */
    pthread_cond_t kept;            /* one of them, or not */
    bool lost[CACHE_REMOTE_PLACES]; /* something of it could not be had: nothing is believed */
    bool again;                     /* after something was believed of it */
    struct store_lease *lease;
    struct sink *sink; /* into the store; the first fetch opens it */
};
void cache_remote_not_used(struct build *b, const struct cache_place *p,
                           const struct shale_err *why); /* a warning */

/* ---- layers (cache_remote_need.c) ---- */
/* The record's layer, for rows and keys: what of it is not here is not fetched now. */
int cache_remote_promise(struct build *b, const struct cache_record *v,
                         struct meta_image_layer *ret, struct shale_err *e);
/* Whose it is that has not been fetched so far; NULL: it has, or is no such layer. */
const struct cache_record *cache_remote_promised(struct cache_remote *x,
                                                 const struct digest *diff_id);
bool cache_remote_lost(struct cache_remote *x, uint32_t from);

/* The registry's repository and what stands behind its colon. */
int cache_remote_ref(const struct cache_place *p, struct arena *a, struct ref *ret,
                     struct shale_err *e);
int cache_remote_client(struct cache_remote *x, struct remote_client **ret, struct shale_err *e);

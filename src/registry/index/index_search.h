/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Images by whatever is known of them (search_query.h). What is the most telling finds them: a
 * platform, size or date that few have, a tag that few have; then bytes or packages or files,
 * labels and annotations, of few repositories or everywhere; else the tags of every repository,
 * newest first. Everything else is then asked of each. Images without a tag are found by their
 * inside, digest, labels and annotations only.
 *
 * A file or package counts when the image shows it: one that a higher layer removes or replaces
 * does not.
 *
 * Inside: index_search.c (which images), index_seen.c (once each), index_hits.c (files and packages
 * in layers), index_shown.c (what an image shows of them).
 */
#include "meta/meta.h"
#include "registry/index/index.h"
#include "registry/index/search_query.h"

#define INDEX_MATCHES_MAX 20     /* told of an image */
#define INDEX_TAGS_MAX    20     /* likewise */
#define INDEX_HITS_MAX    200000 /* files or packages in layers; more is LIMIT */

struct index_match {
    bool package;
    const char *layer; /* digest */
    const char *path;  /* of the file, or of the database of the package */
    int kind;          /* enum contents_kind, or enum contents_db */
    uint32_t mode;
    uint64_t size_bytes;
    char sha256[65];                   /* "" unknown */
    const char *name, *version, *arch; /* of packages */
};
struct index_image {
    const char *repo;
    struct digest digest;
    const char *media_type, *os, *arch, *variant;
    int64_t created_ns; /* 0: unknown */
    uint64_t size_bytes;
    const char **tags;
    size_t n_tags;
    struct index_match *matches;
    size_t n_matches;
};
struct index_images {
    struct index_image *v;
    size_t n;
    bool more;
};
int index_search(struct index *x, const struct search_query *q, const struct index_asker *who,
                 uint64_t skip, uint64_t n, struct arena *a, struct index_images *ret,
                 struct shale_err *e);

/* ---- index_seen.c ---- */
struct seen { /* images that were looked at: many tags may be of one */
    uint64_t *v;
    size_t n, cap;
};
int seen_before(struct seen *s, const char *digest,
                struct shale_err *e); /* 1: yes; else it is now */
void seen_forget(struct seen *s);
void seen_clear(struct seen *s);

/* ---- index_hits.c ---- */
struct hit { /* a file of a layer, or a package in a database that is that file */
    int64_t layer, dir, name;
    const char *package, *version, *arch; /* package NULL: a file */
    int db;
};
struct hits { /* of one criterion, in order of layers */
    struct hit *v;
    size_t n, cap;
};
int hits_of_sha256(struct meta *m, const uint8_t sum[32], struct arena *a, struct hits *ret,
                   struct shale_err *e);
int hits_of_file(struct meta *m, const struct search_file *f, struct arena *a, struct hits *ret,
                 struct shale_err *e);
int hits_of_package(struct meta *m, const struct search_package *p, struct arena *a,
                    struct hits *ret, struct shale_err *e);
/* Those of one layer. */
const struct hit *hits_in(const struct hits *h, int64_t layer, size_t *ret_n);

/* ---- index_shown.c ---- */
#define INDEX_STACK_MAX 1024
struct stack { /* the layers of an image, base first */
    int64_t v[INDEX_STACK_MAX];
    size_t n;
};
int stack_load(struct meta *m, int64_t manifest, struct stack *ret, struct shale_err *e);
/* 1: the image shows the file that its i-th layer has there. */
int stack_shows(struct meta *m, const struct stack *s, size_t i, int64_t dir, int64_t name,
                struct shale_err *e);
/* What is told of a hit. */
int match_of(struct meta *m, const struct hit *h, struct arena *a, struct index_match *ret,
             struct shale_err *e);

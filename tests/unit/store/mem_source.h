/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A struct source in memory, with images made on the spot, that can break off or send wrong bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/endpoint.h"
#include "store/store.h"

struct mem_blob {
    struct descriptor d;
    char *p;
};
struct mem_tag {
    const char *name;
    struct descriptor d;
};
struct mem_source {
    struct source source;
    struct arena a;
    struct mem_blob blobs[64];
    size_t n_blobs;
    struct mem_tag tags[16];
    size_t n_tags;
    /* trouble, for layers */
    uint64_t cut_after; /* NETWORK after that many bytes of a transfer; 0: never */
    bool flip;          /* one bit of the last byte */
    /* what happened */
    int n_transfers; /* of layers */
    uint64_t last_offset;
};

void mem_source_init(struct mem_source *m);
void mem_source_clear(struct mem_source *m);

struct mem_image {
    const char *tag;                          /* NULL: none */
    const char *os, *arch, *created, *labels; /* labels: JSON object */
    const char *const *layers;                /* content of one file a layer, NULL-terminated */
    bool wrong_diff_id;
};
/* Adds config, layers (plain tars) and manifest; returns the manifest's descriptor. */
struct descriptor mem_source_image(struct mem_source *m, const struct mem_image *i);
/* An index over manifests, with a tag. */
struct descriptor mem_source_index(struct mem_source *m, const char *tag,
                                   const struct descriptor *v, const char *const *archs, size_t n);

/* ---- a store in a temporary folder ---- */
struct mem_store {
    char root[64];
    struct store *s;
};
void mem_store_open(struct mem_store *t);
void mem_store_close(struct mem_store *t); /* removes it */
/* Copies and makes rows; 0 or the error. `c` may be NULL. */
int mem_store_pull(struct mem_store *t, struct mem_source *m, const char *tag,
                   const struct platform *want, struct digest *ret_id, struct digest *ret_target,
                   struct shale_err *e);

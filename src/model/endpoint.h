/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The two small interfaces that every place images come from or go to implements: remote/ (a
 * registry), store/, archive/. image/copy.c walks from any source to any sink.
 *
 * Functions may be called from several threads at once on one object. `name` is a tag or digest
 * inside the repository or archive the object was opened for.
 */
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"
#include "model/manifest.h"

struct source;
struct sink;

/* Receives bytes; negative stops the transfer and is returned by it. */
typedef int (*source_data_fn)(void *arg, const void *p, size_t n, struct shale_err *e);

struct source_ops {
    /* Descriptor behind a tag or digest, cheaply (HEAD where possible). NOT_FOUND. The size may be
     * 0 when the peer does not tell. */
    int (*resolve)(struct source *s, const char *name, struct arena *a, struct descriptor *ret,
                   struct cancel *c, struct shale_err *e);
    /* Raw bytes of a manifest or index into `b`; *ret gets digest, size and media type. When `name`
     * is a digest the bytes have been checked against it. */
    int (*manifest)(struct source *s, const char *name, struct buf *b, struct arena *a,
                    struct descriptor *ret, struct cancel *c, struct shale_err *e);
    /* Streams a blob from `offset` on to its end, in order, from the calling thread. Retries inside
     * (bounded) continue where the stream broke; so data never repeats. The caller verifies size
     * and digest. *ret_start is called once before the first byte with the offset the peer really
     * starts at: `offset`, or 0 when it cannot do ranges. */
    int (*blob)(struct source *s, const struct descriptor *d, uint64_t offset,
                int (*start)(void *arg, uint64_t offset, struct shale_err *e), source_data_fn data,
                void *arg, struct cancel *c, struct shale_err *e);
    /* All tags, in the peer's order. */
    int (*tags)(struct source *s, struct arena *a, struct strv *ret, struct cancel *c,
                struct shale_err *e);
    struct source *(*close)(struct source *s); /* accepts NULL, returns NULL */
};
struct source { /* first member of every implementation */
    const struct source_ops *ops;
    /* Called before a pause after which a blob is tried again; set by who opened it, may be NULL.
     */
    void (*on_retry)(void *arg, const struct descriptor *d, int64_t pause_ns);
    void *retry_arg;
    /* The size of a blob, where the peer tells it: before `start` of ops->blob, and again when a
     * transfer goes on. Negative ends the transfer. Set by who opened it, may be NULL. */
    int (*on_size)(void *arg, const struct descriptor *d, uint64_t size_bytes, struct shale_err *e);
    void *size_arg;
};

/* For sources that find everything by digests. resolve: by reading the manifest. */
int source_resolve(struct source *s, const char *name, struct arena *a, struct descriptor *ret,
                   struct cancel *c, struct shale_err *e);
/* What is to be said of a manifest's bytes, of this digest: the media type is what the document
 * says of itself, in the arena. */
int source_describe(struct buf *b, const struct digest *d, struct arena *a, struct descriptor *ret,
                    struct shale_err *e);

struct sink_ops {
    /* 1 if the sink holds the blob or manifest, 0 if not. */
    int (*has)(struct sink *s, const struct descriptor *d, struct shale_err *e);
    /* Raw bytes of a manifest, index or config, verified by the caller. */
    int (*put)(struct sink *s, const struct descriptor *d, const void *p, size_t n,
               struct cancel *c, struct shale_err *e);
    /* Takes a blob from a source, streaming; skips what it has. `diff_id` is the expected digest of
     * the inflated layer, NULL for other blobs. */
    int (*blob)(struct sink *s, const struct descriptor *d, const struct digest *diff_id,
                struct source *from, struct cancel *c, struct shale_err *e);
    /* What `blob` took may still be on its way to where it lasts: waits until it is there, or for
     * the first error. Before the manifest that names those blobs is put. */
    int (*settle)(struct sink *s, struct shale_err *e);
    /* Puts a manifest or index, of which all that it names is there, under a name (tag). */
    int (*tag)(struct sink *s, const char *name, const struct descriptor *d, const void *p,
               size_t n, struct cancel *c, struct shale_err *e);
    struct sink *(*close)(struct sink *s);
};
struct sink {
    const struct sink_ops *ops;
};

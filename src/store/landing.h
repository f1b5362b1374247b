/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Layers and documents that have come in whole and verified, on their way to being durable and
 * known: the blob is synced and named, the layer's folder gets its name, then the rows follow, in
 * crash order. One thread does it for all that have gathered meanwhile, with one commit of the file
 * system's journal and one transaction, while others still come in: for many small layers, and for
 * many small images, that is what counts.
 *
 *   landing_open(store, on_done, arg, &l, e);
 *   landing_add(l, &landed, e) …              // from any thread; may wait for room
 *   landing_drain(l, e);                      // what was added before is durable and has its rows
 *   landing_close(l);                         // also drops what could not be made so
 *
 * The first error ends it: add and drain return it from then on.
 */
#include "blob/blob.h"
#include "model/manifest.h"
#include "store/layer_in.h"

#define LANDING_MAX 48 /* at once: a layer holds three descriptors, a document two */

struct store;
struct landing;

struct landed {
    struct descriptor d;       /* what it points to is borrowed until it is done */
    struct blob_writer *blob;  /* checked; owned once it is added */
    struct layer_in *layer;    /* finished; owned once it is added; NULL: a document, no layer */
    struct layer_in_result in; /* of a layer */
};

/* on_done is called for each layer that is durable, from the landing's thread. */
int landing_open(struct store *s, void (*on_done)(void *arg, const struct descriptor *d), void *arg,
                 struct landing **ret, struct shale_err *e);
/* On an error what *v holds is still the caller's. */
int landing_add(struct landing *l, const struct landed *v, struct shale_err *e);
int landing_drain(struct landing *l, struct shale_err *e);
struct landing *landing_close(struct landing *l);

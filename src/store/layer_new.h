/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A layer that is made here: its tar goes in; the layer and its blob (gzip) are in the store at the
 * end, with their rows.
 *
 *   layer_new_begin(store, lease, cancel, &l, e);
 *   layer_new_write(l, p, n, e) …
 *   layer_new_finish(l, &made, e);
 *   layer_new_close(l);               // without finish nothing stays
 *
 * The lease protects what was made from collection until an image has it. One thread at a time.
 */
#include "store/store.h"

struct layer_new;
int layer_new_begin(struct store *s, struct store_lease *lease, struct cancel *c,
                    struct layer_new **ret, struct shale_err *e);
int layer_new_write(struct layer_new *l, const void *p, size_t n, struct shale_err *e);
int layer_new_finish(struct layer_new *l, struct meta_image_layer *ret, struct shale_err *e);
struct layer_new *layer_new_close(struct layer_new *l);

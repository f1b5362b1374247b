/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Images made of others without a container: <shale/edit.h>, and what these have in common. */
#include <shale/edit.h>

#include "image/image.h"
#include "image/make.h"

int image_edit(struct image_host *h, const char *what, const struct shale_edit_opts *o,
               struct arena *a, struct shale_edited *ret, struct shale_err *e);
int image_rebase(struct image_host *h, const char *what, const struct shale_rebase_opts *o,
                 struct arena *a, struct shale_edited *ret, struct shale_err *e);
int image_squash(struct image_host *h, const char *what, const struct shale_squash_opts *o,
                 struct arena *a, struct shale_edited *ret, struct shale_err *e);

/* An image on its way to another one. Zeroes, open, change doc and layers, finish; close in any
 * case. */
struct image_draft {
    struct store *store;
    struct store_lease *lease;
    struct arena *a;
    struct ref name;  /* repo NULL: none */
    struct digest id; /* of the image it begins as */
    json_t *doc;      /* its config, owned */
    struct meta_image_layer *layers;
    size_t n_layers;
    bool keeps_created; /* the time of the old one is that of the new one, too */
};
/* `name` may be NULL or "". The lease protects the config and the layers. */
int image_draft_open(struct image_draft *d, struct image_host *h, const char *what,
                     const char *platform, const char *name, struct arena *a, struct shale_err *e);
/* Another image's config and layers, under the same lease. *ret_doc is the caller's. */
int image_draft_read(struct image_draft *d, const struct digest *id, json_t **ret_doc,
                     struct meta_image_layer **ret, size_t *ret_n, struct shale_err *e);
/* How many entries of a history, from one on, made a layer. */
size_t image_history_layers(const json_t *history, size_t from);
/* Adds as many entries that say that nothing is known. */
int image_history_unknown(json_t *history, size_t n, struct shale_err *e);

/* The layers from n_kept on as one that gives the same files. 1: *ret is it, 0: they come to
 * nothing. */
int image_squash_layers(struct store *s, struct store_lease *lease,
                        const struct meta_image_layer *v, size_t n, size_t n_kept, struct cancel *c,
                        struct arena *a, struct meta_image_layer *ret, struct shale_err *e);
/* What is told of it in the history of `doc`, an image that had n_before layers. empty: there is no
 * new layer. message: NULL: how many there were. */
int image_squash_history(json_t *doc, size_t n_before, size_t n_kept, bool empty,
                         const char *message, struct shale_err *e);
/* How many layers of `base` are not the image's first ones: 0 where it stands on it, otherwise the
 * number (from 1) of the first that is another one. */
size_t image_draft_off_base(const struct image_draft *d, const struct meta_image_layer *base,
                            size_t n);
/* Makes it, and lets the name stand for it. `how`: for the history of the tag. */
int image_draft_finish(struct image_draft *d, const char *how, struct shale_edited *ret,
                       struct shale_err *e);
void image_draft_close(struct image_draft *d);

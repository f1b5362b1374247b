/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * `image prune` and its policies: on_image (prune.c) collects candidates in one pass over the rows,
 * policies take some off again, and what is left goes. All of it in one transaction.
 */
#include "base/cancel.h"
#include "image/remove_priv.h"

struct image_filter;

struct candidate {
    struct digest id;
    int64_t last_use_ns, created_ns;
};
struct named; /* an image in a repository */

struct prune {
    struct removal x;
    const struct shale_image_prune_opts *o;
    bool all;
    int64_t unused_since_ns;
    const struct image_filter *f;
    struct candidate *v;
    size_t n, cap;
    struct named *named; /* for `keep`: of all images, candidates or not */
    size_t n_named, cap_named;
    struct shale_err *e;
};

int prune_image(struct prune *p, const struct digest *id);

/* When it was last needed by anybody. */
int64_t prune_last_use(const struct meta_image *i);
/* Notes the repositories that an image has a name in, for keep_newest. */
int prune_note_names(struct prune *p, const struct meta_image_item *i);
/* Takes those off the candidates that are among the newest of a repository. */
int prune_keep_newest(struct prune *p);
/* Leaves as many candidates as must go, those first that were used longest ago. *ret_total is what
 * images take now. */
int prune_limit_size(struct prune *p, struct cancel *c, uint64_t *ret_total);

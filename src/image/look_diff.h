/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside of `image diff`: look_diff.c (files; all of it), look_diff_config.c (configs, histories),
 * look_diff_packages.c.
 */
#include "image/image_priv.h"
#include "image/look.h"

struct diff_side {
    const char *name; /* of the image, as asked for */
    struct digest id; /* of the store's image */
    struct config config;
    struct look l; /* open when files or packages are compared */
    uint32_t at;   /* the next name, TREE_NONE: none */
};
struct diff {
    struct diff_side a, b;
    const struct shale_image_diff_opts *o; /* `parts` is set */
    struct cancel *cancel;
    struct arena *arena; /* of the whole comparison */
    struct buf path;
    bool differs;
};

/* A difference; members that are NULL are told as "". What the listener returns. */
int diff_tell(struct diff *d, const struct shale_difference *x);
/* A difference was found and nobody wants to know which. */
bool diff_done(const struct diff *d);

int diff_config(struct diff *d, struct shale_err *e);
int diff_history(struct diff *d, struct shale_err *e);
int diff_packages(struct diff *d, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rows of the build cache: what a step gave, by its key. A row holds its layer and the layer's blob
 * against collection. See meta.h for rules that hold for all functions.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/digest.h"

struct meta;

struct meta_build_step {
    const char *key;         /* hex */
    const char *description; /* "RUN make" */
    struct digest diff_id;   /* "": the step changed no file */
    struct digest blob;
    int64_t created_ns, used_ns;
    uint64_t n_uses;
    /* Of meta_build_each only: */
    uint64_t size_bytes; /* of the layer's content */
    bool shared;         /* an image has the layer, too */
};

/* Puts or replaces; n_uses begins at 0. */
int meta_build_put(struct meta *m, const struct meta_build_step *s, struct shale_err *e);
int meta_build_get(struct meta *m, const char *key, struct arena *a, struct meta_build_step *ret,
                   struct shale_err *e);
/* It was of use now. Missing is success. */
int meta_build_used(struct meta *m, const char *key, struct shale_err *e);
/* Used last first; borrowed for the call. */
int meta_build_each(struct meta *m, int (*f)(void *arg, const struct meta_build_step *s), void *arg,
                    struct shale_err *e);
/* Content of layers that rows hold and no image has. */
int meta_build_own_bytes(struct meta *m, uint64_t *ret, struct shale_err *e);
int meta_build_delete(struct meta *m, const char *key, struct shale_err *e); /* missing: success */

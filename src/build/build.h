/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Builds: a Dockerfile and a context into an image of the store. The engine calls these one to one
 * for the functions of <shale/build.h>.
 *
 * How a build runs:
 *   build.c             context (context/), Dockerfile, what the target needs (stage/graph.c), the
 *                       workers, then result/finish.c
 *   stage/stage.c       a worker takes a stage whose others are there, and does its instructions in
 *                       order, each by a file of instr/:
 *     instrs.c          those that change the image's config only (stage/state.c)
 *     run.c copying.c workdir.c   those that make layers: key → cache/cache.c → if it is not there,
 *                       do it; COPY and ADD by copy/
 *
 * A key is made of what a step's layer depends on: the layers below (by their chain ID, so it does
 * not matter how they came about), the command with environment, user and folder, digests of files.
 * Labels and such are in no key. What a step gave is a row of meta_build.h, which holds the layer.
 * A build that finds all rows makes, mounts and runs nothing.
 *
 * Thread-safe as the store is.
 */
#include <shale/build.h>

#include "base/arena.h"
#include "base/err.h"
#include "container/container.h"
#include "image/image.h"

struct build_host { /* borrowed */
    struct container_host container;
    struct image_host image; /* without its client of registries, which comes from: */
    int (*online)(void *arg, struct remote_client **ret, struct shale_err *e);
    void *online_arg;
    const char *version; /* of shale */
    /* Of a verification (verify.h), else NULL: the only images that may come out, by ID, up to a
     * NULL; and what protects lists that come out. */
    const char *const *expect;
    struct store_lease *keep;
};
int build_run(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
              struct shale_built *ret, struct shale_err *e);

int build_check(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                struct shale_build_findings *ret, struct shale_err *e);

int build_outline(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                  struct shale_build_outline *ret, struct shale_err *e);

int build_cache_list(struct build_host *h, struct arena *a, struct shale_build_cache *ret,
                     struct shale_err *e);
int build_cache_prune(struct build_host *h, const struct shale_build_prune_opts *o, struct arena *a,
                      struct shale_build_pruned *ret, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where a copy of a file or folder goes: the rules of docker cp, which are those of cp -a, but that
 * a name that ends in "/." means what is in the folder, and that no folder is made for a file.
 *
 *   place_local_source(path, follow, a, &src, e);
 *   … the other end …
 *   place_plan(&src, &dst, a, &plan, e);
 *   // a tar with plan.top as its outermost name is unpacked in plan.dir
 *
 * Strings live in the arena. Messages are docker's.
 */
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct place {        /* one end of a copy */
    const char *path; /* absolute and clean; ends in "/" or "/." where it was given so */
    const char *name; /* of a source: what its copy is called; "": its contents are copied */
    bool exists, is_dir;
};
struct place_plan {
    const char *dir;
    const char *top; /* "": the members stand in the folder itself */
};

/* Cleans a path by its letters alone: it begins with "/", has no empty, "." and ".." parts, and
 * keeps "/" or "/." at its end. NULL: no memory. */
const char *place_clean(struct arena *a, const char *path);
bool place_says_folder(const char *path);                    /* ends in "/" or "/." */
const char *place_parent(struct arena *a, const char *path); /* "/" of "/". NULL: no memory */
/* The last part; "" of "/" and of what ends in "/.". NULL: no memory. */
const char *place_base(struct arena *a, const char *path);

/* Two ends of which dst, or at least what it lies in, is known. INVALID. */
int place_plan(const struct place *src, const struct place *dst, struct arena *a,
               struct place_plan *ret, struct shale_err *e);

/* A file or folder of this host that is to be copied; with `follow` what a link stands for, under
 * the link's name. ret->path leads to it without links on the way. NOT_FOUND, INVALID. */
int place_local_source(const char *path, bool follow, struct arena *a, struct place *ret,
                       struct shale_err *e);
/* Where something is to be copied to. Links at its end are followed. */
int place_local_dest(const char *path, struct arena *a, struct place *ret, struct shale_err *e);

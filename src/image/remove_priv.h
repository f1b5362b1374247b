/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What `rmi` and `image prune` do alike. A removal lives within one write transaction:
 *
 *   struct removal x = {.s = store, .m = store_meta(store), .a = a, .o = &o, .how = "rmi"};
 *   r = meta_begin(x.m, e);
 *   ... removal_drop_name, removal_delete ...
 *   r = removal_end(&x, r, dry_run, &freed, e);      // commits and sweeps, or takes all back
 *
 * What was done is in v[n], in order. Not thread-safe.
 */
#include "image/image.h"
#include "store/events.h"

struct names {           /* of an image */
    struct meta_name *v; /* tags, then digests */
    size_t n;
};

struct removal {
    struct store *s;
    struct meta *m;
    struct arena *a;
    const struct shale_rmi_opts *o; /* force, no_prune, cascade, dry_run */
    const char *how;                /* for the history of tags */
    struct meta_image row;          /* of the image that was looked at last, while it is there */
    bool has_row;
    struct shale_removed *v;
    size_t n, cap;
    struct digest *targets; /* of the tags that went */
    size_t n_targets, cap_targets;
    /* what may be left of what went, for store_gc_near */
    struct store_gc_seeds seeds;
    size_t cap_blobs, cap_layers, cap_stacks, n_images;
    bool sweep_all;       /* also what others have left, however many images there are */
    struct event *events; /* told of when it is committed */
    size_t n_events, cap_events;
};

/* The image that is meant. One that the name itself does not point at has no tag of its own there:
 * it goes by its ID; so does the one that it points at, when the name has others to stand for. */
int removal_find(struct removal *x, const char *what, struct image_found *ret, struct shale_err *e);
/* meta_image_get, but once for one image after the other. */
int removal_row(struct removal *x, const struct digest *id, struct meta_image *ret,
                struct shale_err *e);
int removal_note(struct removal *x, struct shale_removed item, struct shale_err *e);
int removal_names(struct removal *x, const struct digest *id, struct names *ret,
                  struct shale_err *e);
int removal_drop_name(struct removal *x, const struct digest *id, const struct meta_name *n,
                      struct shale_err *e);
/* docker's deleteImageHelper. `quiet`: a conflict ends it without an error, unless nothing but the
 * image itself is in the way. Then the parents that only served this image. */
int removal_delete(struct removal *x, struct digest id, bool quiet, struct shale_err *e);
/* What stood behind tags that went: see remove_others.c. removal_end does it. */
int removal_drop_others(struct removal *x, struct shale_err *e);
/* -CONFLICT where a container uses one of the images that would go with the tag `what`, which stood
 * for `target` and is gone. */
int removal_check_others(struct removal *x, const char *what, const struct digest *target,
                         struct shale_err *e);
/* The tags by which `id` stands for `target` stand for another image of it from now on. 0: there is
 * none. */
int removal_hand_over(struct removal *x, const struct digest *id, const struct digest *target,
                      struct shale_err *e);
/* What goes with a name, with an image, may leave something: remove_sweep.c. */
int removal_seed_blob(struct removal *x, const struct digest *d, struct shale_err *e);
int removal_seed_image(struct removal *x, const struct digest *id,
                       const struct meta_image_layer *layers, const struct rootfs_image *img,
                       struct shale_err *e);
/* dry: within the transaction. */
int removal_sweep(struct removal *x, bool dry, uint64_t *ret_freed, struct shale_err *e);
/* The image with all its names, whatever stands in the way. */
int removal_drop_image(struct removal *x, const struct digest *id, struct shale_err *e);
/* Would the image itself go, if nothing stood in its way? Else only a name does, or it takes force.
 */
bool removal_deletes(const struct removal *x, const struct image_found *f, const struct names *all);
bool removal_takes_name(const struct image_found *f, const struct names *all,
                        const struct meta_name *n);

struct blockers {               /* of an image's removal */
    struct meta_digests family; /* the image, then what was made from it, parents first */
    struct shale_blocker *v;
    size_t n, cap;
};
int removal_blockers(struct removal *x, const struct image_found *f, const struct names *all,
                     struct blockers *ret, struct shale_err *e);
/* What --cascade does before the image goes itself. */
int removal_cascade(struct removal *x, const struct image_found *f, struct shale_err *e);
/* CONFLICT. `unpin` is a name or an ID that the image can be unpinned by. */
int removal_pinned(const struct digest *id, const char *unpin, struct shale_err *e);
/* Ends the transaction by r. dry_run: all is taken back, *ret_freed is what would have been freed.
 */
int removal_end(struct removal *x, int r, bool dry_run, uint64_t *ret_freed, struct shale_err *e);

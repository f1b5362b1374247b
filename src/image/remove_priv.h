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

struct removal {
    struct store *s;
    struct meta *m;
    struct arena *a;
    const struct shale_rmi_opts *o; /* force, no_prune */
    const char *how;                /* for the history of tags */
    struct shale_removed *v;
    size_t n, cap;
    struct event *events; /* told of when it is committed */
    size_t n_events, cap_events;
};

int removal_drop_name(struct removal *x, const struct digest *id, const struct meta_name *n,
                      struct shale_err *e);
/* docker's deleteImageHelper. `quiet`: a conflict ends it without an error, unless nothing but the
 * image itself is in the way. Then the parents that only served this image. */
int removal_delete(struct removal *x, struct digest id, bool quiet, struct shale_err *e);
/* Ends the transaction by r. dry_run: all is taken back, *ret_freed is what would have been freed.
 */
int removal_end(struct removal *x, int r, bool dry_run, uint64_t *ret_freed, struct shale_err *e);

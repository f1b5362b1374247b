/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_EXPLAIN_H
#define SHALE_EXPLAIN_H
/*
 * Why an image cannot be removed, all of it at once, and what would be freed if it were. See
 * shale.h for the conventions.
 */
#include <shale/image.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shale_blocker_kind {
    SHALE_BLOCKER_RUNNING, /* a container that runs or is paused */
    SHALE_BLOCKER_STOPPED, /* a container that does not */
    SHALE_BLOCKER_CHILD,   /* an image that was made from it here */
    SHALE_BLOCKER_PIN,
    SHALE_BLOCKER_NAME, /* another name of the image */
};
struct shale_blocker {
    enum shale_blocker_kind kind;
    const char *id;    /* of the container; else of the image */
    const char *name;  /* of the container; the other name; else a name of the image, "" if none */
    const char *image; /* ID of what it holds: the image itself, or a child in the way */
    bool force;        /* shale_rmi_opts.force gets past it */
    bool cascade;      /* shale_rmi_opts.cascade removes it */
};
struct shale_rmi_explained {
    const char *image;        /* ID */
    const char *const *names; /* all of its names; NULL-terminated */
    const struct shale_blocker *blockers;
    size_t n_blockers;
    const char *refusal; /* what shale_rmi would say with the same options; "" if it would do it */
    const struct shale_removed *items; /* what it would do; n_items 0 if it would refuse */
    size_t n_items;
    uint64_t freed_bytes; /* by that */
    uint64_t total_bytes; /* if nothing were in the way: with the children, and with what their and
                             its containers have written */
};
/* What shale_rmi would do, and everything that holds the image: containers, images made from it and
 * their containers, pins, other names. Changes nothing; `dry_run` of the options is not looked at.
 * NOT_FOUND. */
SHALE_API int shale_rmi_explain(struct shale *s, const char *image, const struct shale_rmi_opts *o,
                                struct shale_rmi_explained **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_PRUNE_H
#define SHALE_PRUNE_H
/*
 * What goes by rule, and what stays whatever the rule. See shale.h for the conventions.
 */
#include <shale/image.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_image_prune_opts {
    size_t size;
    bool all;                   /* also images with tags that no container uses */
    const char *const *filters; /* "name=value", NULL-terminated; may be NULL */
    bool dry_run; /* nothing is changed; the result is what would be removed and freed */

    /* Policies, for which `all` is usually set. An image goes only if every one lets it. */
    uint64_t keep;     /* the newest so many of each repository stay, by creation as shale_images
                          has them; those in use and pinned count. 0: no such policy */
    int64_t unused_ns; /* stays if it was used since: a container of it was started or removed, or
                          it came here, or got a tag. 0: no such policy */
    bool limit_size;   /* of what is left those go first that were used longest ago, until images
                          take at most max_bytes, or as near as can be */
    uint64_t max_bytes;
};
/* Removes images that no container uses, pinned ones excepted: those without a tag, with `all` also
 * those with tags. Filters: until (one only, of creation), label, label!, dangling (true, or false
 * for `all`), and reference, which takes only names that match off an image. INVALID for any other.
 * With a reference filter `keep` counts only names that match. All of it happens or nothing. */
SHALE_API int shale_image_prune(struct shale *s, const struct shale_image_prune_opts *o,
                                struct shale_rmi_result **ret, struct shale_err *e);

/* Pins an image, by reference, ID or prefix, or takes the pin off: shale_image_prune keeps it, with
 * its names. NOT_FOUND. Doing it twice is no error. */
SHALE_API int shale_image_pin(struct shale *s, const char *image, bool pinned, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_TAG_HISTORY_H
#define SHALE_TAG_HISTORY_H
/*
 * Every tag keeps where it pointed. See shale.h for the conventions. The history does not keep
 * images: one that lost its last name is removed as ever; pin it (shale/prune.h) to keep it.
 */
#include <shale/image.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_tag_move {
    const char *how;   /* "pull", "tag", "load", "restore", "rmi", "prune" … */
    const char *image; /* ID that the tag stood for from then on, "" when it was taken off */
    int64_t when_ns;
    bool present; /* the image is in the store */
};
struct shale_tag_history {
    const char *name;                   /* familiar, with the tag */
    const struct shale_tag_move *items; /* latest first: items[0] is what it stands for now */
    size_t n_items;
};
/* The latest moves of a tag, at most 1000. NOT_FOUND when there never was such a tag, INVALID for
 * what is no tag. */
SHALE_API int shale_tag_history(struct shale *s, const char *name, struct shale_tag_history **ret,
                                struct shale_err *e);
/* Points "NAME[:TAG]@{n}" back at where it pointed n moves ago; that is a move too. NOT_FOUND:
 * there is no such entry, or its image is not in the store any more; INVALID: the tag was taken off
 * then, or bad syntax. *ret_id is the image ID, for shale_free. */
SHALE_API int shale_tag_restore(struct shale *s, const char *entry, char **ret_id,
                                struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_CHANGES_H
#define SHALE_CHANGES_H
/*
 * What containers have changed. See shale.h for the conventions; containers are named as in
 * container.h.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shale_change_kind { SHALE_CHANGED, SHALE_ADDED, SHALE_GONE };
struct shale_change {
    enum shale_change_kind kind;
    const char *path; /* absolute; bytes as they are */
};
struct shale_change_list {
    const struct shale_change *items; /* a folder before what is in it, names in order of bytes */
    size_t n_items;
};
/* The paths in which a container's root file system differs from its image's, as `docker diff`
 * tells them: a folder with a change below it has changed. Volumes and mounts do not count. */
SHALE_API int shale_diff(struct shale *s, const char *container, struct shale_change_list **ret,
                         struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

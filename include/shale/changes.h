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

struct shale_commit_opts {
    size_t size;
    const char *name;             /* REPOSITORY[:TAG] for the image; NULL: none */
    const char *author, *message; /* NULL: none */
    const char *const *changes;   /* "ENV A=b", "CMD sh" …; NULL-terminated, may be NULL */
    bool no_pause;                /* a running container goes on meanwhile */
    /* docker's Config object, as JSON, in place of the container's, which still fills what it
     * leaves out (Env, Labels, Volumes and ExposedPorts entry by entry); `changes` apply to it.
     * NULL: none.
     */
    const char *config_json;
};
struct shale_committed {
    const char *id;              /* sha256:… of the image */
    const char *const *warnings; /* what is not as asked for; NULL-terminated */
};
/* A new image: the container's, with one layer of all that has changed, and what the container was
 * made with. The name moves to it. NOT_FOUND, INVALID (name, changes), CONFLICT (it is being
 * removed). */
SHALE_API int shale_commit(struct shale *s, const char *container,
                           const struct shale_commit_opts *o, struct shale_committed **ret,
                           struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

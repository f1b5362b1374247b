/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_CP_H
#define SHALE_CP_H
/*
 * Files and folders copied out of containers and images, and into containers. See shale.h for the
 * conventions.
 *
 * Paths of containers begin at their root, with or without "/". What a container sees is copied,
 * running or not: its own files, its volumes and bind mounts; not /proc, /sys and other file
 * systems of memory. No link and no name leads out of it.
 *
 * The rules are those of docker cp: what is copied goes into a folder that is there; otherwise it
 * gets the name that was given, in a folder that must be there. "FOLDER/." stands for what is in
 * the folder. A folder is never replaced by a file or the other way round.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_cp_opts {
    size_t size;
    bool keep_owner;  /* out: owners as inside, instead of the caller. In: they are always kept */
    bool follow_link; /* a link that is copied: what it stands for, under its name */
    const char *platform; /* of an image, where the name stands for several; NULL */
    int fd;               /* where there is no local path: of the tar that is written or read */
    /* In place of fd: takes all n bytes, or fails with a negative value; gives up to n bytes, 0 at
     * the end. */
    int (*write)(void *arg, const void *p, size_t n);
    int64_t (*read)(void *arg, void *p, size_t n);
    void *arg;
    /* In, of a tar: a folder is replaced by what is none and the other way round, with all that is
     * in it; all belongs to the user that the container's processes are, where it has one. */
    bool replace_any, to_user;
};
struct shale_cp_result {
    uint64_t tar_bytes; /* what was copied, as a tar */
    const char *to;     /* absolute path, or CONTAINER:PATH */
};
/* `from` is "CONTAINER:PATH" or, where there is no container of that name, "IMAGE:/PATH": that is
 * read out of the image's layers. `to` is a path, or NULL: a tar is written to o->fd. NOT_FOUND:
 * the container, the image, the file; INVALID: it does not fit to what is there. */
SHALE_API int shale_cp_out(struct shale *s, const char *from, const char *to,
                           const struct shale_cp_opts *o, struct shale_cp_result **ret,
                           struct shale_err *e);
struct shale_cp_stat {
    const char *name; /* the last part of the path; "/" for the root */
    uint64_t size_bytes;
    uint32_t mode; /* as st_mode */
    int64_t mtime_ns;
    const char *link_target; /* of a link, where it leads to seen from the root; else "" */
};
/* What is at a path of a container; a link is not followed. NOT_FOUND as shale_cp_out. */
SHALE_API int shale_cp_stat(struct shale *s, const char *container, const char *path,
                            struct shale_cp_stat **ret, struct shale_err *e);

/* `from` is a path, or NULL: a tar (packed with gzip, bzip2, xz or zstd, or not) is read from o->fd
 * and unpacked in a folder; `to` is "CONTAINER:PATH". DENIED: that is mounted read-only. */
SHALE_API int shale_cp_in(struct shale *s, const char *from, const char *to,
                          const struct shale_cp_opts *o, struct shale_cp_result **ret,
                          struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

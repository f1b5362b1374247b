/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_ARCHIVE_H
#define SHALE_ARCHIVE_H
/*
 * Images in archives: one tar that is an OCI image layout and a docker-archive at once. See shale.h
 * for the conventions, image.h for how images are named.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_save_opts {
    size_t size;
    /* "os/arch[/variant]" …, NULL-terminated; NULL: all that a name stands for, if it is here, else
     * the image it points at. One: that image alone. Several: the list with these images of it. */
    const char *const *platforms;
    const char *output; /* path; replaced when the archive is whole. NULL: to fd */
    /* A folder, which is made: an OCI image layout. Other images that it has stay, but for names
     * that move. Instead of output and fd. */
    const char *folder;
    int fd; /* written to from where it stands; stays open */
    /* Images whose layers are left out, NULL-terminated: who loads the archive has them. May be
     * NULL. */
    const char *const *since;
};
/* Writes n images: a name without tag stands for every tag of its repository, an ID for an image
 * without name. Layers are as they were published. The same arguments over the same images give the
 * same bytes. 1: something was left out. NOT_FOUND: no such image, or none of that platform;
 * INVALID: no such folder. */
SHALE_API int shale_save(struct shale *s, const char *const *images, size_t n_images,
                         const struct shale_save_opts *o, struct shale_err *e);

struct shale_load_opts {
    size_t size;
    /* "os/arch[/variant]" …, NULL-terminated; NULL: of a list with a name all that is there, else
     * this host's, else the first */
    const char *const *platforms;
    const char *input; /* path of an archive or of the folder of a layout; NULL: from fd */
    int fd;            /* a file or pipe; stays open */
};
struct shale_loaded {
    const char *ref;      /* familiar reference, NULL: the image has no name in the archive */
    const char *id;       /* image ID */
    const char *replaced; /* ID of the image that lost the name, NULL: none */
};
struct shale_load_result {
    const struct shale_loaded *images; /* one per name */
    size_t n_images;
};
/* Brings the images of an archive into the store: OCI layouts and docker-archives, plain or packed
 * with gzip, zstd, xz or bzip2. Those before one that fails stay. CORRUPT, LIMIT: damaged or
 * hostile; INVALID: no archive of images; NOT_FOUND: no such file or platform, or content that is
 * missing in it and, where it was left out (`since`), here. */
SHALE_API int shale_load(struct shale *s, const struct shale_load_opts *o,
                         struct shale_load_result **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_DF_H
#define SHALE_DF_H
/*
 * What takes how much room. See shale.h for the conventions.
 *
 * Two views that do not mix. What docker counts is the content of images: the sizes of files in
 * layers, containers and volumes. `parts` are the files of the store as they lie on the disk, in
 * space that they take there: every file is in exactly one part.
 */
#include <shale/build.h>
#include <shale/container.h>
#include <shale/image.h>
#include <shale/volume.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_df_image {
    struct shale_image image;
    uint64_t unique_bytes; /* of layers that no other image has; the rest of size_bytes is shared */
};
struct shale_df_volume {
    struct shale_volume volume;
    uint64_t size_bytes; /* on disk */
};
struct shale_df_part {
    const char *name;    /* "Compressed blobs" */
    const char *path;    /* below the root of the store */
    uint64_t n_files;    /* without folders; one with several names counts once */
    uint64_t size_bytes; /* on disk, with folders */
};
struct shale_df {
    const struct shale_df_image *images; /* newest first */
    size_t n_images;
    uint64_t layers_bytes;                    /* content of all layers, each once */
    const struct shale_container *containers; /* of any state, newest first, size_rw_bytes set */
    size_t n_containers;
    const struct shale_df_volume *volumes; /* by name */
    size_t n_volumes;
    const struct shale_df_part *parts; /* always the same ones, empty ones too */
    size_t n_parts;                    /* 0: not asked for */
    uint64_t total_bytes;              /* of the parts */
    struct shale_build_cache cache;    /* what shale_build_cache gives */
};
enum shale_df_what {
    SHALE_DF_IMAGES = 1 << 0,
    SHALE_DF_CONTAINERS = 1 << 1,
    SHALE_DF_VOLUMES = 1 << 2,
    SHALE_DF_CACHE = 1 << 3,
};
struct shale_df_opts {
    size_t size;
    bool parts;    /* look at every file of the store: slow */
    unsigned what; /* those of shale_df_what that are counted, the others are 0; 0: all */
};
/* All that is counted, as of now. What goes meanwhile may or may not be in it. */
SHALE_API int shale_df(struct shale *s, const struct shale_df_opts *o, struct shale_df **ret,
                       struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_EDIT_H
#define SHALE_EDIT_H
/*
 * Changes to images without a container: each makes a new image, and the old one stays as it is.
 * See shale.h for the conventions; images are named as in image.h.
 *
 * Errors: NOT_FOUND: no such image; INVALID: a name, a change or a pair of images that does not go
 * together; LIMIT: too many layers.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_edit_opts {
    size_t size;
    const char *name;     /* REPOSITORY[:TAG] for the new image; NULL: none */
    const char *platform; /* which image, where the name stands for several */
    const char *message;  /* comment of the entry in the history; NULL: none */
    /* Lists end with NULL and may be NULL. They are applied in this order. */
    const char *const *unset_env, *const *unset_labels; /* names; each must be there */
    const char *cmd, *entrypoint;               /* as in a Dockerfile: words for a shell, or a
                                                   list in JSON; "": none, NULL: as it is. An
                                                   entrypoint without a cmd takes the cmd away */
    const char *const *env, *const *labels;     /* "NAME=value", taken as they are */
    const char *user, *workdir, *stop_signal;   /* "": none, NULL: as it is */
    const char *const *expose, *const *volumes; /* "80/tcp", "/data" */
    const char *const *changes;                 /* "ENV A=b", "CMD sh": as of commit */
};
struct shale_edited {
    const char *id;       /* sha256:… of the image */
    const char *manifest; /* digest that a push of it gives */
    const char *name;     /* familiar, with the tag; "": none */
    size_t n_layers;
};
/* The image with other settings: the same layers, one more entry in the history. The name moves to
 * it. INVALID also where nothing is to be changed. */
SHALE_API int shale_edit(struct shale *s, const char *image, const struct shale_edit_opts *o,
                         struct shale_edited **ret, struct shale_err *e);

struct shale_rebase_opts {
    size_t size;
    const char *name; /* REPOSITORY[:TAG] for the new image; NULL: none */
    const char *onto; /* the new base */
    const char *from; /* the old base; NULL: found among the images that tags of the new base's
                         repository stand for or that its own tag has stood for */
    const char *platform;
};
/* The layers and the history that the image has above its old base, on the new base; settings are
 * the image's. CONFLICT when it stands on the new base already. */
SHALE_API int shale_rebase(struct shale *s, const char *image, const struct shale_rebase_opts *o,
                           struct shale_edited **ret, struct shale_err *e);

struct shale_squash_opts {
    size_t size;
    const char *name; /* REPOSITORY[:TAG] for the new image; NULL: none */
    const char *from; /* NULL: all layers; "3": the third layer and those above it; otherwise an
                         image: the layers above its own */
    const char *platform;
    const char *message; /* comment of the entry in the history; NULL: says how many layers */
};
/* The same files and settings with one layer instead of several. Entries of the history stay; those
 * of the layers that went are marked as without a layer, and one for the new layer follows. The
 * same image gives the same image. INVALID also where there is nothing to squash. */
SHALE_API int shale_squash(struct shale *s, const char *image, const struct shale_squash_opts *o,
                           struct shale_edited **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

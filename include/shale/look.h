/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_LOOK_H
#define SHALE_LOOK_H
/*
 * Looking into images without a container and without mounting: the files that an image shows, read
 * out of its layers as they lie in the store. Nothing is unpacked, and of a layer only its table of
 * contents and the bytes asked for are read. Works without privileges. See shale.h for the
 * conventions.
 *
 * `image` is what shale_image_inspect takes. Paths are of the image: "/etc/passwd" and "etc/passwd"
 * are the same. Symbolic links are followed inside of the image only: ".." of its root is its root,
 * and a link to "/x" leads to the image's x. Errors: NOT_FOUND (no such image; no such path),
 * INVALID (not a directory, not a file, too many links), CORRUPT.
 *
 * "docker://NAME", or `remote` where the options have it, is the image of that name in its
 * registry. It is looked into without storing it: its layers are fetched, checked and forgotten,
 * but for those that the store has, and memory stays as for a pull. Errors there are also those of
 * a pull.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What was read of images in registries. */
struct shale_fetched {
    uint64_t bytes, image_bytes;           /* of compressed layers: fetched; of the whole images */
    uint32_t n_layers, n_fetched, n_local; /* of the images; fetched; read in the store */
};

enum shale_file_kind {
    SHALE_FILE_REGULAR,
    SHALE_FILE_DIRECTORY,
    SHALE_FILE_SYMLINK,
    SHALE_FILE_CHAR,
    SHALE_FILE_BLOCK,
    SHALE_FILE_FIFO,
};
struct shale_file {
    const char *path; /* from the root, "etc/passwd"; "" is the root. Bytes as the layer has them */
    const char *name; /* its last part */
    const char *link; /* of symbolic links: where they point; otherwise "" */
    enum shale_file_kind kind;
    uint32_t mode; /* permissions, setuid, setgid, sticky: 07777 */
    uint32_t uid, gid, n_links;
    uint32_t dev_major, dev_minor; /* of devices */
    uint64_t size_bytes;           /* of regular files and links */
    int64_t mtime_ns;              /* nearest time that there is; SHALE_TIME_NONE: nobody said */
    const char *layer;     /* diffID of the layer that it is from, "" if nobody described it */
    uint32_t layer_number; /* 1: the base; 0: none */
    uint32_t depth;        /* below the path asked for */
    bool last;             /* of its directory */
    uint64_t total_bytes;  /* with totals: of all regular files in it, each once */
};

struct shale_ls_opts {
    size_t size;
    const char *platform; /* NULL: the one the name points at */
    bool all;             /* names that begin with "." too */
    bool recursive;       /* with what is in directories, in order of names, parents first */
    bool itself;          /* the path itself comes first, also when it is a directory */
    bool only_itself;     /* … and nothing else */
    bool no_follow;       /* a path that is a symbolic link is shown as one */
    bool totals;
    uint32_t max_depth; /* of recursive; 0: all */
    /* What it gets is borrowed for the call. Below 0 ends the listing and is returned. */
    int (*on_file)(void *arg, const struct shale_file *f);
    void *arg;
    bool remote;                   /* the image is in its registry, see above */
    struct shale_fetched *fetched; /* NULL, or what was read there is added, also after an error */
};
/* Lists directories, or tells of files, one after the other; n_paths 0: the root. */
SHALE_API int shale_ls(struct shale *s, const char *image, const char *const *paths, size_t n_paths,
                       const struct shale_ls_opts *o, struct shale_err *e);

struct shale_cat_opts {
    size_t size;
    const char *platform;
    int fd; /* where the bytes go */
    /* A path that could not be read, and why; the others are still written. NULL: the first one
     * ends the call. */
    void (*on_error)(void *arg, const char *path, const struct shale_err *e);
    void *arg;
    bool remote; /* as of shale_ls: from the top layer on until all paths are found */
    struct shale_fetched *fetched;
};
/* Writes the contents of regular files, one after the other. With on_error, the number of paths
 * that failed is returned. */
SHALE_API int shale_cat(struct shale *s, const char *image, const char *const *paths,
                        size_t n_paths, const struct shale_cat_opts *o, struct shale_err *e);

/* ---- layers ---- */
struct shale_layer_use {
    uint32_t number;                               /* 1: the base */
    const char *created_by;                        /* the step that made it, "" unknown */
    const char *diff_id, *blob_digest;             /* blob "": it came as none */
    uint64_t blob_bytes, content_bytes, tar_bytes; /* compressed; of its files; of its tar */
    /* Regular files that it brings and the image does not show, because a later layer removed or
     * replaced them. */
    uint64_t wasted_bytes, n_wasted;
    const char *const *images; /* other images with this layer: a name of each, or its ID */
    size_t n_images;
};
struct shale_layer_uses {
    const struct shale_layer_use *items; /* newest first, as the history */
    size_t n_items;
};
/* The layers of an image beside the steps that made them. platform may be NULL. */
SHALE_API int shale_layer_uses(struct shale *s, const char *image, const char *platform,
                               struct shale_layer_uses **ret, struct shale_err *e);

/* ---- two images ---- */
enum shale_difference_kind { SHALE_DIFF_ADDED, SHALE_DIFF_REMOVED, SHALE_DIFF_CHANGED };
enum { /* what of a file has changed; for other types of files type, mode, owner, xattr only */
       SHALE_DIFF_TYPE = 1 << 0,
       SHALE_DIFF_CONTENT = 1 << 1,
       SHALE_DIFF_MODE = 1 << 2,
       SHALE_DIFF_OWNER = 1 << 3,
       SHALE_DIFF_XATTR = 1 << 4,
       SHALE_DIFF_LINK = 1 << 5,
       SHALE_DIFF_DEVICE = 1 << 6,
};
enum shale_image_part { /* bits, in the order in which differences come */
                        SHALE_PART_CONFIG = 1 << 0,
                        SHALE_PART_HISTORY = 1 << 1,
                        SHALE_PART_PACKAGES = 1 << 2,
                        SHALE_PART_FILES = 1 << 3,
};
struct shale_difference {
    enum shale_difference_kind kind;
    enum shale_image_part part;
    const char *path; /* of files: from the root, as of struct shale_file; otherwise "" */
    unsigned what;    /* of files that have changed */
    /* Of the other parts; "" of files. Config: "Cmd", "Env.PATH", "Labels.KEY", "Architecture";
     * history: "step 3" of its image; packages: the name. */
    const char *name;
    const char *from, *to; /* value, instruction, version; "" where there is none */
    const char *arch;      /* of packages; "" unknown */
};
struct shale_image_diff_opts {
    size_t size;
    const char *platform; /* of both */
    unsigned parts;       /* of enum shale_image_part; 0: all */
    /* What it gets is borrowed for the call. Below 0 ends the comparison and is returned. NULL:
     * only whether there is a difference is asked for. */
    int (*on_difference)(void *arg, const struct shale_difference *x);
    void *arg;
    bool remote; /* both, as of shale_ls; layers of both are read once */
    struct shale_fetched *fetched;
};
/* Compares two images: what containers get of their configs, the steps of their histories, the
 * packages of dpkg, apk and rpm that they show, and the files that they show, in order of names.
 * Times are not looked at, nor in which layers something is. 1: they differ, 0: they do not. */
SHALE_API int shale_image_diff(struct shale *s, const char *a, const char *b,
                               const struct shale_image_diff_opts *o, struct shale_err *e);

/* ---- all images ---- */
struct shale_image;         /* <shale/image.h> */
struct shale_found_inside { /* one reason why an image was found */
    const struct shale_image *image;
    const char *path; /* from the root; of a package, that of its database */
    uint64_t size_bytes;
    const char *layer; /* as of struct shale_file */
    uint32_t layer_number;
    const char *package, *version, *arch; /* "": it is a file */
};
struct shale_look_for_opts {
    size_t size;
    /* All of them must be true of an image; each list is NULL-terminated, or NULL. A file is a path
     * from the root, or a name without a slash, of any folder. In globs * is anything but /, ** is
     * anything and ? one character; they match paths of up to 512 bytes. Symbolic links on the way
     * of a path without wildcards are followed, as a program in the image would. */
    const char *const *files;
    const char *const *packages; /* NAME, or NAME and = < <= > >= with a version: dpkg, apk, rpm */
    const char *sha256;          /* of a regular file; NULL: any */
    /* What they get is borrowed for the call. All of an image come one after the other; a negative
     * result ends the search and is returned. on_error: an image that could not be looked into;
     * NULL: the first one ends the search. */
    int (*on_found)(void *arg, const struct shale_found_inside *x);
    void (*on_error)(void *arg, const struct shale_image *image, const struct shale_err *e);
    void *arg;
};
struct shale_look_for_result {
    uint64_t n_found, n_failed; /* images */
};
/* In which images of the store, newest first, is something? Only what an image shows counts.
 * INVALID says which criterion is wrong. */
SHALE_API int shale_look_for(struct shale *s, const struct shale_look_for_opts *o,
                             struct shale_look_for_result *ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

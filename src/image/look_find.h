/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside of `find`: look_find.c (which images), look_find_packages.c (what is remembered of layers;
 * packages).
 */
#include "image/look.h"
#include "registry/index/search_query.h"

struct image_host;

/* Bits of criteria: files, packages, the checksum. */
#define FIND_PACKAGES     SEARCH_MANY
#define FIND_SHA256       (2 * SEARCH_MANY)
#define FIND_ALL_FILES    ((1u << FIND_PACKAGES) - 1)
#define FIND_ALL_PACKAGES (FIND_ALL_FILES << FIND_PACKAGES)

#define FIND_PATH_BYTES  ((TAR_MAX_NAME_BYTES + 1) * TREE_MAX_DEPTH)
#define FIND_IMAGE_BYTES (256ull << 20) /* what is found in one image */
#define FIND_DB_BYTES    (256u << 20)   /* of a package manager */

struct find_layer {
    struct digest diff_id;
    unsigned mask; /* the criteria that it may be good for */
    bool scanned;
};
struct find_package {
    unsigned mask; /* the criteria that it is good for */
    const char *name, *version, *arch;
};
struct find_packages {
    struct find_package *v;
    size_t n, cap;
};
struct find_seen { /* a file of a layer that was read */
    uint64_t pos;  /* in its toc; 0: free */
    uint32_t layer;
    bool hashed, good;          /* good: its bytes are those looked for */
    struct find_packages *list; /* of a database; NULL: not read as one */
};

struct finding {
    struct image_host *h;
    const struct shale_look_for_opts *o;
    struct arena *a;
    struct search_query q;
    const char *paths[SEARCH_MANY]; /* of q.files */
    unsigned all;                   /* criteria that there are */
    struct find_layer *layers;      /* in order of diffIDs */
    size_t n_layers;
    struct find_seen *seen; /* a table */
    size_t n_seen, cap_seen;
    uint64_t n_found, n_failed;
    /* the image at hand */
    const struct shale_image *image;
    struct arena of_image;
    struct look l;
    uint32_t *numbers; /* its layers as indexes of `layers` */
    unsigned have;
    struct shale_found_inside *hits;
    size_t n_hits, cap;
    struct buf path;
};

/* What is known of a file, for the images that come; borrowed until the next call. */
int find_seen(struct finding *f, const struct tree_inode *i, struct find_seen **ret,
              struct shale_err *e);
int find_packages(struct finding *f, struct shale_err *e);
int find_tell(struct finding *f, uint32_t node, const struct find_package *p, struct shale_err *e);

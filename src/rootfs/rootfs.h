/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Layers into a mounted root. Two drivers behind one interface, one conformance suite:
 *   erofs  one merged EROFS index per image whose extents point into the layer tars
 *          (images/<chain hex>/index.erofs), mounted with one device per layer: file-backed from
 * Linux 6.12, over read-only loop devices from 6.4 dir    layers materialised into plain
 * directories (images/<chain hex>/dir/diff), mounted with overlayfs
 *
 * A driver never touches a tar or a name outside the store root it was opened for. prepare is safe
 * to call from several processes at once (file lock, atomic rename).
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "model/digest.h"
#include "rootfs/lower.h"

struct rootfs_layer {
    struct digest diff_id;
    struct digest chain_id; /* of the stack up to and including this layer */
};
struct rootfs_image { /* layers base first; n_layers 0 is an empty root */
    const struct rootfs_layer *layers;
    size_t n_layers;
};

struct rootfs_writable {      /* what is written over an image */
    const char *upper, *work; /* directories of it, absolute paths */
    bool
        scratch; /* need not survive a crash: nothing is synced when it is unmounted (Linux 5.10) */
};

/* Where the bytes of files lie that a view shows. */
struct rootfs_origins;
struct rootfs_origin {
    const struct digest *diff_id; /* borrowed: in the tar of this layer … */
    uint64_t offset;              /* … from this byte on, in one piece */
};
/* Of a file of the view, by the inode number and size that stat gives. False: not known, for what
 * is sparse, empty or no file. Threads may share one. */
bool rootfs_origin(const struct rootfs_origins *o, uint64_t ino, uint64_t size_bytes,
                   struct rootfs_origin *ret);
struct rootfs_origins *rootfs_origins_close(struct rootfs_origins *o); /* NULL in, NULL out */

struct rootfs_driver;
struct rootfs_ops {
    const char *name; /* "erofs" */
    /* Builds what mounting needs, if it is not there. Layer files are layers/<hex>/layer.tar and
     * layers/<hex>/toc under the root. */
    int (*prepare)(struct rootfs_driver *d, const struct rootfs_image *img, struct cancel *c,
                   struct shale_err *e);
    /* Mounts at target (an existing directory, absolute path); read-only without a writable layer
     * (NULL). Prepared before. */
    int (*mount)(struct rootfs_driver *d, const struct rootfs_image *img, const char *target,
                 const struct rootfs_writable *w, struct shale_err *e);
    /* A read-only view of the image's root that is mounted nowhere: a descriptor of its folder, or
     * -code. It goes with the last descriptor below it. Prepared before. */
    int (*view)(struct rootfs_driver *d, const struct rootfs_image *img, struct shale_err *e);
    /* The same for those who read no file (rootfs/lower.h), without a mount where that can be.
     * Prepared before. */
    int (*lower)(struct rootfs_driver *d, const struct rootfs_image *img, struct lower *ret,
                 struct shale_err *e);
    /* For the files of a view. *ret NULL: this driver cannot tell, or no longer. Prepared before.
     */
    int (*origins)(struct rootfs_driver *d, const struct rootfs_image *img,
                   struct rootfs_origins **ret, struct shale_err *e);
    /* Undoes mount completely (lower mounts, loop devices). Not mounted is success. */
    int (*umount)(struct rootfs_driver *d, const char *target, struct shale_err *e);
    /* Drops what this driver has made of one stack. Missing is success. In use: -SHALE_IN_USE. */
    int (*remove)(struct rootfs_driver *d, const struct digest *chain_id, struct shale_err *e);
    /* Checks the cache of a stack against its tars' tables of contents; CORRUPT if it differs. */
    int (*verify)(struct rootfs_driver *d, const struct rootfs_image *img, struct cancel *c,
                  struct shale_err *e);
    struct rootfs_driver *(*close)(struct rootfs_driver *d);
};
struct rootfs_driver { /* first member of each implementation */
    const struct rootfs_ops *ops;
    char why[256]; /* one line: why this driver and this way of mounting */
};

/* `name` NULL or "" or "auto": the best that works here (probed by really mounting a tiny image,
 * the result is for the caller to remember in `memo`: 64 bytes, "" first time, pass back later to
 * skip the probe). Otherwise that driver, or UNSUPPORTED saying why it cannot work. root_path is
 * absolute. */
int rootfs_open(int root_fd, const char *root_path, const char *name, char memo[64],
                struct rootfs_driver **ret, struct shale_err *e);

/* Any folder, with what is written over it; undone by umount of any driver. */
int rootfs_overlay(const char *folder, const struct rootfs_writable *w, const char *target,
                   struct shale_err *e);

/* Is there a driver of that name ("auto" and NULL are fine)? INVALID says which there are. */
int rootfs_check_name(const char *name, struct shale_err *e);

/* Removes what all drivers have made of a stack; missing is success. *ret_bytes is the space on
 * disk that it freed. In use: -SHALE_IN_USE. */
int rootfs_remove(int root_fd, const struct digest *chain_id, uint64_t *ret_bytes,
                  struct shale_err *e);
/* Removes what processes that died have left in images/. What is being made stays. */
int rootfs_sweep(int root_fd, struct shale_err *e);

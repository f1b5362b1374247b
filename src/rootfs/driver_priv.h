/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by the drivers: where things lie, the merged tree of an image, mounting. */
#include <stdbool.h>

#include "rootfs/rootfs.h"
#include "rootfs/tree.h"

#define ROOTFS_PATH_MAX 4096

struct rootfs_common { /* first member of each driver */
    struct rootfs_driver driver;
    int root_fd;     /* the store's; owned by the driver (a duplicate) */
    char *root_path; /* absolute */
};

int common_open(struct rootfs_common *c, int root_fd, const char *root_path, struct shale_err *e);
void common_close(struct rootfs_common *c);

/* "images/<hex>[/name]" below the root. */
void stack_path(const struct digest *chain, const char *name, char ret[ROOTFS_PATH_MAX]);
void layer_path(const struct digest *diff_id, const char *name, char ret[ROOTFS_PATH_MAX]);
const struct digest *image_chain(const struct rootfs_image *img); /* n_layers > 0 */

/* An empty folder of the store: what an image without layers shows. A descriptor. */
int view_empty(int root_fd, struct shale_err *e);

/* rootfs_ops.lower out of the driver's view. */
int lower_of_view(struct rootfs_driver *d, const struct rootfs_image *img, struct lower *ret,
                  struct shale_err *e);

/* Whether owners and devices can be had: root, and not of a user namespace. */
bool is_privileged(void);

/* The tree of an image with the tocs it reads from. */
struct merged {
    struct tree *tree;
    struct toc **tocs;
    size_t n;
};
int merged_load(const struct rootfs_common *c, const struct rootfs_image *img, struct merged *ret,
                struct cancel *cancel, struct shale_err *e);
void merged_clear(struct merged *m);

/* Takes the lock under which one stack's cache is made. Returns a descriptor. */
int stack_lock(const struct rootfs_common *c, const struct digest *chain, struct cancel *cancel,
               struct shale_err *e);
void stack_lock_name(const char *chain_hex, char ret[64]);

/* ---- sweep.c; all under the stack's lock ---- */
/* "images/.<what>-<hex>" below the root. */
void temp_path(const struct digest *chain, const char *what, char ret[ROOTFS_PATH_MAX]);
/* Moves what was made in the folder "new" to its place, the last name first: the first one tells
 * that all are there. Those that were not made are not there afterwards. */
int stack_publish(int root, const struct digest *chain, const char *const *names, size_t n,
                  struct shale_err *e);
/* Moves a driver's names of a stack to the folder "old", the first one first; and back. */
int stack_set_aside(int root, const struct digest *chain, const char *const *names, size_t n,
                    struct shale_err *e);
int stack_put_back(int root, const struct digest *chain, const char *const *names, size_t n,
                   struct shale_err *e);
/* Removes what is in "old". */
int stack_drop_aside(int root, const struct digest *chain, struct shale_err *e);
/* Removes a driver's names of a stack. */
int stack_take_away(int root, const struct digest *chain, const char *const *names, size_t n,
                    struct shale_err *e);

/* ---- mount.c: the mount API of Linux 5.2 ---- */
struct mount_option {
    const char *key, *value; /* value NULL: a flag */
};
/* A detached mount: fd, or -code with the kernel's own words. */
int mount_new(const char *fstype, const struct mount_option *options, size_t n, bool read_only,
              struct shale_err *e);
int mount_move(int mount_fd, const char *target, struct shale_err *e);
/* overlayfs over `lower` (a path) at target. */
int mount_overlay(const char *lower, const struct rootfs_writable *w, const char *target,
                  struct shale_err *e);
/* A read-only view of a folder at target. */
int mount_view(const char *folder, const char *target, struct shale_err *e);
/* Takes away all mounts at target, the topmost first. Not mounted is success. */
int mount_remove(const char *target, struct shale_err *e);

/* ---- loop.c ---- */
/* A read-only loop device for a file, gone with its last user. Its path goes to ret; the descriptor
 * returned keeps it until it is mounted. */
int loop_attach(int file_fd, char ret[32], struct shale_err *e);

/* ---- the drivers ---- */
/* `loops`: over loop devices instead of file-backed. */
int driver_erofs_open(int root_fd, const char *root_path, bool loops, struct rootfs_driver **ret,
                      struct shale_err *e);
/* Really mounts a tiny image in this way: 0 if it works here. */
int driver_erofs_probe(int root_fd, const char *root_path, bool loops, struct shale_err *e);
int driver_dir_open(int root_fd, const char *root_path, struct rootfs_driver **ret,
                    struct shale_err *e);

/* -SHALE_IN_USE while a container has the folder of a stack as its lower layer. A mounted index of
 * the other driver lives on without its name. */
int driver_dir_in_use(int root_fd, const struct digest *chain, struct shale_err *e);

/* dir_write.c: materialises a finished tree below a new, empty folder. tar_fds: one per layer. */
int dir_write(struct tree *t, const int *tar_fds, int folder_fd, struct cancel *c,
              struct shale_err *e);
/* Compares a folder with the tree, contents included: CORRUPT with the first difference. */
int dir_compare(struct tree *t, const int *tar_fds, int folder_fd, struct cancel *c,
                struct shale_err *e);

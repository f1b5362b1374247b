/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The files that an image shows: its layers' tables of contents merged (rootfs/tree.h), with the
 * tars that their bytes lie in.
 *
 *   struct look l = LOOK_INIT;
 *   look_open(store, &id, arena, cancel, &l, e);
 *   look_find(&l, "etc/passwd", true, &node, e);
 *   look_read(&l, node, f, arg, cancel, e);
 *   look_close(&l);
 *
 * One thread at a time.
 */
#include "base/buf.h"
#include "base/hash.h"
#include "rootfs/tree.h"
#include "store/store.h"

struct look_remote;
struct look {
    struct look_remote *remote; /* NULL: the store's; otherwise see look_remote.h */
    struct tree *tree;
    struct toc **tocs; /* of the arena, as the following */
    int *tars;         /* -1: not here */
    struct digest *diff_ids;
    size_t n_layers; /* that are open */
};
#define LOOK_INIT                                                                                  \
    {                                                                                              \
        0                                                                                          \
    }

int look_open(struct store *s, const struct digest *image_id, struct arena *a, struct cancel *c,
              struct look *l, struct shale_err *e);
/* The same of layers, base first; none is an empty root. */
int look_open_layers(struct store *s, const struct meta_image_layer *rows, size_t n,
                     struct arena *a, struct cancel *c, struct look *l, struct shale_err *e);
void look_close(struct look *l); /* also of one that is not, or half, open */

/* The node of a path. Links on the way are followed inside of the image, the last one with `follow`
 * or when the path ends in "/". NOT_FOUND; INVALID: below something that is no directory, or more
 * links than a kernel follows. */
int look_find(struct look *l, const char *path, bool follow, uint32_t *ret, struct shale_err *e);
/* Its path from the root is appended; nothing for the root. */
void look_path(const struct look *l, uint32_t node, struct buf *b);
static inline const struct tree_inode *look_inode(const struct look *l, uint32_t node)
{
    return &l->tree->inodes[l->tree->nodes[node].inode];
}

typedef int (*look_fn)(void *arg, const void *p, size_t n, struct shale_err *e);
/* The bytes of a regular file in pieces, zeros for its holes. INVALID: it is none. CORRUPT: the
 * layer's tar ends before. */
int look_read(struct look *l, uint32_t node, look_fn f, void *arg, struct cancel *c,
              struct shale_err *e);
/* The same of the entry of an inode. */
int look_read_inode(struct look *l, const struct tree_inode *i, const struct tar_entry *x,
                    look_fn f, void *arg, struct cancel *c, struct shale_err *e);
/* SHA-256 of a regular file. */
int look_sum(struct look *l, const struct tree_inode *i, const struct tar_entry *x,
             uint8_t ret[HASH_MAX_BYTES], struct cancel *c, struct shale_err *e);

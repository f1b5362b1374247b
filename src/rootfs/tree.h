/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The layers of an image merged into one tree, base first: whiteouts and opaque directories
 * resolved, names replaced, hard links joined, as unpacking one layer over the other would do.
 * Nothing of it touches a file system, so no name can lead anywhere.
 *
 *   tree_new(&t, dirfd, e);
 *   for each layer: tree_add(t, toc, cancel, e);   // the tocs stay open while the tree lives
 *   tree_finish(t, e);                             // children sorted, link counts, numbers
 *
 * A name below a symbolic link goes where the link points, inside the tree (as chrooted unpackers
 * do); missing directories on the way come into being (0755, root). A name below a file is CORRUPT,
 * as are hard links to directories or to what is not there. Sockets do not exist in tars.
 *
 * Character devices 0:0 are left out, with hard links to them, as if the layer did not have them:
 * such a device is overlayfs' own mark of a deleted name, so that a layer that brings one could
 * take files away where an overlay shows it, and nowhere else. Nothing can open one anyway.
 *
 * Memory: 56 bytes a name and 6 of the table by which names are found; names and metadata are read
 * from the mapped tocs. What is large lies in unnamed files (rootfs/spill.h), and those who walk
 * the tree let go of it and of the tocs with tree_pace, so that the process grows by about
 * PACE_BYTES and the parts that are small, whatever the number of files. Only sorting one folder
 * takes 8 bytes a name in it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "rootfs/spill.h"
#include "rootfs/toc.h"

#define TREE_NONE UINT32_MAX
#define TREE_ROOT 0u /* its node */
/* Names from the root; links could lead deeper than a tar's names do. */
#define TREE_MAX_DEPTH 1024

struct tree_node { /* a name */
    const char *name;
    uint32_t parent, first_child, next; /* nodes, TREE_NONE: none */
    uint32_t inode;                     /* TREE_NONE: not there (deleted) */
    uint16_t name_n;
    uint16_t layer; /* last one that made it, or something below it */
    uint16_t depth; /* of the names from the root */
    uint16_t mark;  /* 1 + the last layer in which it was a device 0:0 */
};

struct tree_inode {
    uint64_t pos; /* of its entry in the layer's toc; 0: none, a directory that nobody described */
    uint32_t nlink;
    uint32_t number; /* after tree_finish: 1 is the root; 0: nobody names it any more */
    uint32_t user;   /* for those who walk the tree */
    uint16_t layer;
    uint8_t type; /* enum tar_type, never TAR_HARDLINK */
};

struct tree {
    int dirfd;
    struct pace pace;
    struct spill in_nodes, in_inodes; /* what the following lie in */
    struct tree_node *nodes;
    uint32_t n_nodes, cap_nodes;
    struct tree_inode *inodes;
    uint32_t n_inodes, cap_inodes;
    uint32_t *table; /* (parent, name) to node + 1 and some bits of its hash; 0: free */
    uint32_t table_mask;
    struct toc **layers;
    uint16_t n_layers, cap_layers;
    uint16_t n_open;        /* layers, with the one that is being added */
    uint32_t n_live_inodes; /* after tree_finish */
    struct { /* the directory that was found last: tars list a directory's members together */
        const char *path;
        size_t path_n;
        uint32_t node;
    } last;
};

/* dirfd: a folder, borrowed for the tree's life, on whose file system files for large trees are
 * made; -1: everything in memory. */
int tree_new(struct tree **ret, int dirfd, struct shale_err *e);
struct tree *tree_free(struct tree *t);
int tree_add(struct tree *t, struct toc *layer, struct cancel *c, struct shale_err *e);
int tree_finish(struct tree *t, struct cancel *c, struct shale_err *e);
/* Metadata of an inode: from its entry, or what a directory without one has. Valid until the next
 * call. */
int tree_entry(struct tree *t, uint32_t inode, struct tar_entry *ret, struct shale_err *e);
/* For every step of those who walk the tree, to this node: keeps memory bounded. True when it has
 * let go; they then do the same with what is theirs. */
bool tree_pace(struct tree *t, uint32_t node);
/* First child that is there, and the next one; TREE_NONE at the end. */
uint32_t tree_first(const struct tree *t, uint32_t node);
uint32_t tree_next(const struct tree *t, uint32_t node);
static inline bool tree_is_dir(const struct tree *t, uint32_t node)
{
    return t->nodes[node].inode != TREE_NONE && t->inodes[t->nodes[node].inode].type == TAR_DIR;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "index_of.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "rootfs/erofs_format.h"
#include "rootfs/erofs_index.h"
#include "rootfs/erofs_write.h"

#define LAYERS_MAX 2
#define TAR_BYTES  (1u << 16)

static void must_say_why(int r, const struct shale_err *e)
{
    if (r < 0 && (e->code != -r || !e->msg[0]))
        __builtin_trap();
}

/* Names that could lead anywhere must not have come through. */
static void check_tree(struct tree *t)
{
    for (uint32_t i = 0; i < t->n_nodes; i++) {
        const struct tree_node *n = &t->nodes[i];
        struct str name = {n->name, n->name_n};
        if (i == TREE_ROOT || n->inode == TREE_NONE)
            continue;
        if (n->name_n == 0 || memchr(n->name, '/', n->name_n) || memchr(n->name, 0, n->name_n) ||
            str_eq(name, STR("..")) || str_eq(name, STR(".")))
            __builtin_trap();
    }
}

/* What is read out of the index is what was written: every name that is there, and what it is. */
static void check_index(struct tree *t, int fd)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct erofs_index *x = NULL;
    char name[256];
    struct stat st;

    if (erofs_index_open(fd, &x, &e) < 0)
        __builtin_trap();
    uint64_t *nids = calloc(t->n_nodes, sizeof *nids);
    for (uint32_t i = 0; nids && i < t->n_nodes; i++) { /* folders come before what is in them */
        const struct tree_node *n = &t->nodes[i];
        nids[i] = UINT64_MAX;
        if (i == TREE_ROOT)
            nids[i] = erofs_index_root(x);
        if (i == TREE_ROOT || n->inode == TREE_NONE || n->name_n >= sizeof name ||
            nids[n->parent] == UINT64_MAX || !tree_is_dir(t, n->parent))
            continue;
        memcpy(name, n->name, n->name_n);
        name[n->name_n] = 0;
        if (erofs_index_find(x, nids[n->parent], name, &nids[i], &e) != 1 ||
            erofs_index_stat(x, nids[i], &st, &e) != 1 || S_ISDIR(st.st_mode) != tree_is_dir(t, i))
            __builtin_trap();
    }
    free(nids);
    erofs_index_close(x);
}

static void write_index(struct tree *t, size_t n)
{
    _cleanup_close_ int fd = memfd_create("index", MFD_CLOEXEC);
    _cleanup_close_ int side = memfd_create("side", MFD_CLOEXEC);
    _cleanup_close_ int tar = memfd_create("tar", MFD_CLOEXEC);
    struct erofs_layer layers[LAYERS_MAX] = {{0}};
    struct shale_err e = SHALE_ERR_INIT;
    uint64_t side_bytes = 0;
    struct erofs_super super;
    struct stat st;

    if (fd < 0 || side < 0 || tar < 0 || ftruncate(tar, TAR_BYTES) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        layers[i] = (struct erofs_layer){.tar_fd = tar, .tar_bytes = TAR_BYTES};
        if (digest_of_bytes(HASH_SHA256, "x", 1, &layers[i].diff_id, NULL) < 0)
            return;
    }
    int r = erofs_write(t, layers, n, fd, side, &side_bytes, NULL, &e);
    must_say_why(r, &e);
    if (r < 0)
        return;
    if (fstat(fd, &st) < 0 || st.st_size % EROFS_BLOCK || st.st_size < EROFS_BLOCK ||
        pread(fd, &super, sizeof super, EROFS_SUPER_OFFSET) != (ssize_t)sizeof super ||
        super.magic != EROFS_MAGIC)
        __builtin_trap();
    check_index(t, fd);
}

void index_of(const char *toc_name, unsigned n_layers)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct toc *tocs[LAYERS_MAX] = {NULL};
    struct tree *t = NULL;
    int r = tree_new(&t, -1, &e);

    for (unsigned i = 0; r >= 0 && i < n_layers; i++) {
        r = toc_open(AT_FDCWD, toc_name, &tocs[i], &e);
        if (r >= 0)
            r = tree_add(t, tocs[i], NULL, &e);
    }
    if (r >= 0)
        r = tree_finish(t, NULL, &e);
    must_say_why(r, &e);
    if (r >= 0) {
        check_tree(t);
        write_index(t, n_layers);
    }
    tree_free(t);
    for (unsigned i = 0; i < n_layers; i++)
        toc_close(tocs[i]);
}

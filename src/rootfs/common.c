/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/lock.h"
#include "base/mem.h"
#include "rootfs/driver_priv.h"

int common_open(struct rootfs_common *c, int root_fd, const char *root_path, struct shale_err *e)
{
    c->root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
    if (c->root_fd < 0)
        return err_sys(e, "%s", root_path);
    c->root_path = mem_strdup(root_path);
    return c->root_path ? 0 : err_nomem(e);
}

void common_close(struct rootfs_common *c)
{
    if (c->root_fd >= 0)
        close(c->root_fd);
    free(c->root_path);
    free(c);
}

static void path_of(const char *folder, const struct digest *d, const char *name,
                    char ret[ROOTFS_PATH_MAX])
{
    snprintf(ret, ROOTFS_PATH_MAX, "%s/%.*s%s%s", folder, HASH_MAX_HEX, digest_hex(d),
             name ? "/" : "", name ? name : "");
}

void stack_path(const struct digest *chain, const char *name, char ret[ROOTFS_PATH_MAX])
{
    path_of("images", chain, name, ret);
}

void layer_path(const struct digest *diff_id, const char *name, char ret[ROOTFS_PATH_MAX])
{
    path_of("layers", diff_id, name, ret);
}

const struct digest *image_chain(const struct rootfs_image *img)
{
    return &img->layers[img->n_layers - 1].chain_id;
}

int view_empty(int root_fd, struct shale_err *e)
{
    int r = fs_mkdir_p(root_fd, "images/.empty", 0755, e);

    return r < 0 ? r : fs_open_dir(root_fd, "images/.empty", e);
}

int lower_of_view(struct rootfs_driver *d, const struct rootfs_image *img, struct lower *ret,
                  struct shale_err *e)
{
    int fd = d->ops->view(d, img, e);

    *ret = LOWER_NONE;
    ret->fd = fd;
    return fd < 0 ? fd : 0;
}

bool is_privileged(void)
{
    return proc_is_root();
}

void merged_clear(struct merged *m)
{
    tree_free(m->tree);
    for (size_t i = 0; i < m->n; i++)
        toc_close(m->tocs[i]);
    free(m->tocs);
    *m = (struct merged){0};
}

static int add_layer(const struct rootfs_common *c, const struct digest *diff_id, struct merged *m,
                     struct cancel *cancel, struct shale_err *e)
{
    char path[ROOTFS_PATH_MAX];

    layer_path(diff_id, "toc", path);
    int r = toc_open(c->root_fd, path, &m->tocs[m->n], e);
    if (r >= 0)
        r = tree_add(m->tree, m->tocs[m->n++], cancel, e);
    return r < 0 ? err_wrap(e, r, "layer %s", diff_id->s) : 0;
}

int merged_load(const struct rootfs_common *c, const struct rootfs_image *img, struct merged *ret,
                struct cancel *cancel, struct shale_err *e)
{
    struct merged m = {.tocs = mem_array(img->n_layers + 1, sizeof *m.tocs)};
    int r = m.tocs ? tree_new(&m.tree, c->root_fd, e) : err_nomem(e);

    for (size_t i = 0; r >= 0 && i < img->n_layers; i++)
        r = add_layer(c, &img->layers[i].diff_id, &m, cancel, e);
    if (r >= 0)
        r = tree_finish(m.tree, cancel, e);
    if (r < 0) {
        merged_clear(&m);
        return r;
    }
    *ret = m;
    return 0;
}

void stack_lock_name(const char *chain_hex, char ret[64])
{
    snprintf(ret, 64, "locks/stack-%.16s", chain_hex);
}

int stack_lock(const struct rootfs_common *c, const struct digest *chain, struct cancel *cancel,
               struct shale_err *e)
{
    char name[64];

    stack_lock_name(digest_hex(chain), name);
    return lock_take(c->root_fd, name, LOCK_EXCLUSIVE, cancel, e);
}

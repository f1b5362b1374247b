/* SPDX-License-Identifier: Apache-2.0 */
/* The dir driver: images/<chain>/dir/diff holds the merged tree as plain files, mounted below
 * overlayfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mounts.h"
#include "base/mem.h"
#include "base/sys.h"
#include "rootfs/driver_priv.h"

/* The folder is moved within another one, which is always ours to move, whatever the mode of the
 * image's own root is. */
#define FOLDER_NAME "dir"
#define DIFF_NAME   FOLDER_NAME "/diff"

static const char *const names[] = {FOLDER_NAME}; /* of a stack */

struct dir_driver {
    struct rootfs_common common;
};

static struct dir_driver *self(struct rootfs_driver *d)
{
    return (struct dir_driver *)d;
}

struct tar_files {
    int *v;
    size_t n;
};

static void tar_files_close(struct tar_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        close(f->v[i]);
    free(f->v);
}

static int tar_files_open(const struct rootfs_common *c, const struct rootfs_image *img,
                          struct tar_files *ret, struct shale_err *e)
{
    ret->v = mem_array(img->n_layers + 1, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    for (; ret->n < img->n_layers; ret->n++) {
        char path[ROOTFS_PATH_MAX];
        layer_path(&img->layers[ret->n].diff_id, "layer.tar", path);
        ret->v[ret->n] = sys_openat(c->root_fd, path, O_RDONLY, 0);
        if (ret->v[ret->n] < 0)
            return err_sys(e, "%s", path);
    }
    return 0;
}

/* Runs f over the image's tree and the folder `path`. */
static int with_tree(struct dir_driver *d, const struct rootfs_image *img, const char *path,
                     int (*f)(struct tree *t, const int *tar_fds, int folder_fd, struct cancel *c,
                              struct shale_err *e),
                     struct cancel *c, struct shale_err *e)
{
    _cleanup_(tar_files_close) struct tar_files tars = {0};
    _cleanup_(merged_clear) struct merged m = {0};
    int r = tar_files_open(&d->common, img, &tars, e);

    if (r >= 0)
        r = merged_load(&d->common, img, &m, c, e);
    if (r < 0)
        return r;
    _cleanup_close_ int folder =
        sys_openat(d->common.root_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (folder < 0)
        return err_sys(e, "%s", path);
    return f(m.tree, tars.v, folder, c, e);
}

static int build(struct dir_driver *d, const struct rootfs_image *img, struct cancel *c,
                 struct shale_err *e)
{
    const struct digest *chain = image_chain(img);
    int root = d->common.root_fd;
    char temp[ROOTFS_PATH_MAX], diff[ROOTFS_PATH_MAX];

    temp_path(chain, "new", temp);
    snprintf(diff, sizeof diff, "%.3900s/" DIFF_NAME, temp);
    int r = fs_remove_tree(root, temp, e);
    if (r >= 0)
        r = fs_mkdir_p(root, diff, 0700, e); /* what is in it is not for other users: setuid too */
    if (r >= 0)
        r = with_tree(d, img, diff, dir_write, c, e);
    if (r >= 0)
        r = stack_publish(root, chain, names, ARRAY_SIZE(names), e);
    if (r < 0)
        (void)fs_remove_tree(root, temp, NULL);
    return r;
}

static int prepare(struct rootfs_driver *drv, const struct rootfs_image *img, struct cancel *c,
                   struct shale_err *e)
{
    struct dir_driver *d = self(drv);
    char path[ROOTFS_PATH_MAX];

    if (img->n_layers == 0)
        return 0;
    stack_path(image_chain(img), DIFF_NAME, path);
    if (fs_exists(d->common.root_fd, path))
        return 0;
    _cleanup_close_ int lock = stack_lock(&d->common, image_chain(img), c, e);
    if (lock < 0)
        return lock;
    return fs_exists(d->common.root_fd, path) ? 0 : build(d, img, c, e);
}

static int do_mount(struct rootfs_driver *drv, const struct rootfs_image *img, const char *target,
                    const struct rootfs_writable *w, struct shale_err *e)
{
    struct dir_driver *d = self(drv);
    char path[ROOTFS_PATH_MAX] = "images/.empty";

    if (img->n_layers)
        stack_path(image_chain(img), DIFF_NAME, path);
    int r = img->n_layers ? 0 : fs_mkdir_p(d->common.root_fd, path, 0755, e);
    if (r < 0)
        return r;
    _cleanup_free_ char *lower = mem_printf("%s/%s", d->common.root_path, path);
    if (!lower)
        return err_nomem(e);
    return w ? mount_overlay(lower, w, target, e) : mount_view(lower, target, e);
}

static int view(struct rootfs_driver *drv, const struct rootfs_image *img, struct shale_err *e)
{
    int root = self(drv)->common.root_fd;
    char path[ROOTFS_PATH_MAX];

    if (img->n_layers == 0)
        return view_empty(root, e);
    stack_path(image_chain(img), DIFF_NAME, path);
    return fs_open_dir(root, path, e);
}

static int do_umount(struct rootfs_driver *drv, const char *target, struct shale_err *e)
{
    return mount_remove(target, e);
}

/* A folder that is the lower layer of a running container must stay: its mount holds a lock on
 * nothing we could ask, so the tables of mounts are looked at. */
static int is_lower(const char *path, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MOUNTS_MAX_BYTES);
    int r = mounts_read(&b, e);

    return r < 0 ? r : strstr(buf_str(&b), path) != NULL;
}

int driver_dir_in_use(int root_fd, const struct digest *chain, struct shale_err *e)
{
    char path[ROOTFS_PATH_MAX];

    stack_path(chain, DIFF_NAME, path);
    if (!fs_exists(root_fd, path))
        return 0;
    int r = is_lower(path, e);
    return r <= 0 ? r : err_set(e, SHALE_IN_USE, "%s is mounted", path);
}

/* One that was mounted between the look at the mounts and the move goes on, in its old place. Later
 * mounts do not find it. */
static int set_aside(int root, const struct digest *chain, const char *path, struct shale_err *e)
{
    char old[ROOTFS_PATH_MAX], moved[ROOTFS_PATH_MAX];
    struct shale_err why = SHALE_ERR_INIT;
    int r = stack_set_aside(root, chain, names, ARRAY_SIZE(names), e);

    if (r < 0)
        return r;
    temp_path(chain, "old", old);
    snprintf(moved, sizeof moved, "%.3900s/" DIFF_NAME, old);
    r = is_lower(path, &why);
    if (r == 0) /* a view of it shows where it lies now */
        r = is_lower(moved, &why);
    if (r == 0)
        return 0;
    int back = stack_put_back(root, chain, names, ARRAY_SIZE(names), e);
    if (back < 0)
        return back;
    return r < 0 ? err_set(e, why.code, "%s", why.msg)
                 : err_set(e, SHALE_IN_USE, "%s is mounted", path);
}

static int do_remove(struct rootfs_driver *drv, const struct digest *chain, struct shale_err *e)
{
    struct dir_driver *d = self(drv);
    char path[ROOTFS_PATH_MAX];

    stack_path(chain, DIFF_NAME, path);
    if (!fs_exists(d->common.root_fd, path))
        return 0;
    _cleanup_close_ int lock = stack_lock(&d->common, chain, NULL, e);
    if (lock < 0)
        return lock;
    int r = driver_dir_in_use(d->common.root_fd, chain, e);
    if (r >= 0)
        r = set_aside(d->common.root_fd, chain, path, e);
    return r < 0 ? r : stack_drop_aside(d->common.root_fd, chain, e);
}

static int verify(struct rootfs_driver *drv, const struct rootfs_image *img, struct cancel *c,
                  struct shale_err *e)
{
    char path[ROOTFS_PATH_MAX];

    if (img->n_layers == 0)
        return 0;
    stack_path(image_chain(img), DIFF_NAME, path);
    return with_tree(self(drv), img, path, dir_compare, c, e);
}

static struct rootfs_driver *do_close(struct rootfs_driver *drv)
{
    if (drv)
        common_close(&self(drv)->common);
    return NULL;
}

static const struct rootfs_ops ops = {
    .name = "dir",
    .prepare = prepare,
    .mount = do_mount,
    .view = view,
    .lower = lower_of_view,
    .umount = do_umount,
    .remove = do_remove,
    .verify = verify,
    .close = do_close,
};

int driver_dir_open(int root_fd, const char *root_path, struct rootfs_driver **ret,
                    struct shale_err *e)
{
    struct dir_driver *d = mem_alloc(sizeof *d);

    if (!d)
        return err_nomem(e);
    d->common.driver.ops = &ops;
    d->common.root_fd = -1;
    int r = common_open(&d->common, root_fd, root_path, e);
    if (r < 0) {
        common_close(&d->common);
        return r;
    }
    *ret = &d->common.driver;
    return 0;
}

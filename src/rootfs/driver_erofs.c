/* SPDX-License-Identifier: Apache-2.0 */
/* The erofs driver: images/<chain>/index.erofs (and sparse.data), one device per layer tar. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/sys.h"
#include "rootfs/driver_priv.h"
#include "rootfs/erofs_index.h"
#include "rootfs/erofs_origin.h"
#include "rootfs/erofs_write.h"

#define INDEX_NAME "index.erofs"
#define SIDE_NAME  "sparse.data"

struct erofs_driver {
    struct rootfs_common common;
    bool loops;
};

static struct erofs_driver *self(struct rootfs_driver *d)
{
    return (struct erofs_driver *)d;
}

/* ---- building ---- */

struct layer_files {
    struct erofs_layer *v;
    size_t n;
};

static void layer_files_close(struct layer_files *f)
{
    for (size_t i = 0; i < f->n; i++)
        close(f->v[i].tar_fd);
    free(f->v);
}

static int layer_files_open(const struct rootfs_common *c, const struct rootfs_image *img,
                            struct layer_files *ret, struct shale_err *e)
{
    ret->v = mem_array(img->n_layers + 1, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    for (size_t i = 0; i < img->n_layers; i++) {
        char path[ROOTFS_PATH_MAX];
        struct stat st;
        layer_path(&img->layers[i].diff_id, "layer.tar", path);
        int fd = sys_openat(c->root_fd, path, O_RDONLY, 0);
        if (fd < 0)
            return err_sys(e, "%s", path);
        ret->v[ret->n] = (struct erofs_layer){.tar_fd = fd, .diff_id = img->layers[i].diff_id};
        if (fstat(fd, &st) < 0) {
            ret->n++;
            return err_sys(e, "%s", path);
        }
        ret->v[ret->n++].tar_bytes = (uint64_t)st.st_size;
    }
    return 0;
}

/* Writes index and side file into the folder `dir` (relative to the root). */
static int build(const struct rootfs_common *c, const struct rootfs_image *img, const char *dir,
                 struct cancel *cancel, struct shale_err *e)
{
    _cleanup_(layer_files_close) struct layer_files files = {0};
    _cleanup_(merged_clear) struct merged m = {0};
    char index[ROOTFS_PATH_MAX], side[ROOTFS_PATH_MAX];
    uint64_t side_bytes;
    int r = layer_files_open(c, img, &files, e);

    if (r >= 0)
        r = merged_load(c, img, &m, cancel, e);
    if (r < 0)
        return r;
    snprintf(index, sizeof index, "%.3900s/" INDEX_NAME, dir);
    snprintf(side, sizeof side, "%.3900s/" SIDE_NAME, dir);
    _cleanup_close_ int fd = sys_openat(c->root_fd, index, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return err_sys(e, "%s", index);
    _cleanup_close_ int side_fd = sys_openat(c->root_fd, side, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (side_fd < 0)
        return err_sys(e, "%s", side);
    r = erofs_write(m.tree, files.v, files.n, fd, side_fd, &side_bytes, cancel, e);
    if (r >= 0 && side_bytes == 0 && sys_unlinkat(c->root_fd, side, 0) < 0)
        r = err_sys(e, "%s", side);
    return r;
}

static const char *const names[] = {INDEX_NAME, SIDE_NAME}; /* of a stack */

static int build_in_place(struct erofs_driver *d, const struct rootfs_image *img, struct cancel *c,
                          struct shale_err *e)
{
    const struct digest *chain = image_chain(img);
    int root = d->common.root_fd;
    char temp[ROOTFS_PATH_MAX];
    int r;

    temp_path(chain, "new", temp);
    r = fs_remove_tree(root, temp, e);
    if (r >= 0)
        r = fs_mkdir_p(root, temp, 0700, e);
    if (r >= 0)
        r = build(&d->common, img, temp, c, e);
    if (r >= 0)
        r = stack_publish(root, chain, names, ARRAY_SIZE(names), e);
    if (r < 0)
        (void)fs_remove_tree(root, temp, NULL);
    return r;
}

static int prepare(struct rootfs_driver *drv, const struct rootfs_image *img, struct cancel *c,
                   struct shale_err *e)
{
    struct erofs_driver *d = self(drv);
    char path[ROOTFS_PATH_MAX];

    if (img->n_layers == 0)
        return 0;
    stack_path(image_chain(img), INDEX_NAME, path);
    if (fs_exists(d->common.root_fd, path))
        return 0;
    _cleanup_close_ int lock = stack_lock(&d->common, image_chain(img), c, e);
    if (lock < 0)
        return lock;
    if (fs_exists(d->common.root_fd, path))
        return 0;
    return build_in_place(d, img, c, e);
}

/* ---- mounting ---- */

struct devices {
    struct mount_option *options; /* source, then a device each */
    char **paths;
    int *fds; /* of loop devices until they are mounted */
    size_t n;
};

static void devices_clear(struct devices *x)
{
    for (size_t i = 0; i < x->n; i++) {
        free(x->paths[i]);
        if (x->fds[i] >= 0)
            close(x->fds[i]);
    }
    free(x->options);
    free(x->paths);
    free(x->fds);
}

static int add_device(struct erofs_driver *d, struct devices *x, const char *path,
                      struct shale_err *e)
{
    char loop[32];
    size_t i = x->n;

    x->fds[i] = -1;
    if (d->loops) {
        _cleanup_close_ int fd = sys_openat(d->common.root_fd, path, O_RDONLY, 0);
        if (fd < 0)
            return err_sys(e, "%s", path);
        int k = loop_attach(fd, loop, e);
        if (k < 0)
            return k;
        x->fds[i] = k;
        x->paths[i] = mem_strdup(loop);
    } else {
        x->paths[i] = mem_printf("%s/%s", d->common.root_path, path);
    }
    x->n++;
    if (!x->paths[i])
        return err_nomem(e);
    x->options[i] = (struct mount_option){i == 0 ? "source" : "device", x->paths[i]};
    return 0;
}

static int collect_devices(struct erofs_driver *d, const struct rootfs_image *img,
                           struct devices *x, struct shale_err *e)
{
    char path[ROOTFS_PATH_MAX];
    size_t max = img->n_layers + 2;

    x->options = mem_array(max, sizeof *x->options);
    x->paths = mem_array(max, sizeof *x->paths);
    x->fds = mem_array(max, sizeof *x->fds);
    if (!x->options || !x->paths || !x->fds)
        return err_nomem(e);
    stack_path(image_chain(img), INDEX_NAME, path);
    int r = add_device(d, x, path, e);
    for (size_t i = 0; r >= 0 && i < img->n_layers; i++) {
        layer_path(&img->layers[i].diff_id, "layer.tar", path);
        r = add_device(d, x, path, e);
    }
    stack_path(image_chain(img), SIDE_NAME, path);
    if (r >= 0 && fs_exists(d->common.root_fd, path))
        r = add_device(d, x, path, e);
    return r;
}

static int new_index_mount(struct erofs_driver *d, const struct rootfs_image *img,
                           struct shale_err *e)
{
    _cleanup_(devices_clear) struct devices x = {0};
    int r = collect_devices(d, img, &x, e);

    return r < 0 ? r : mount_new("erofs", x.options, x.n, true, e);
}

static int mount_index(struct erofs_driver *d, const struct rootfs_image *img, const char *target,
                       struct shale_err *e)
{
    _cleanup_close_ int m = new_index_mount(d, img, e);

    return m < 0 ? m : mount_move(m, target, e);
}

static int view(struct rootfs_driver *drv, const struct rootfs_image *img, struct shale_err *e)
{
    return img->n_layers ? new_index_mount(self(drv), img, e)
                         : view_empty(self(drv)->common.root_fd, e);
}

static int lower(struct rootfs_driver *drv, const struct rootfs_image *img, struct lower *ret,
                 struct shale_err *e)
{
    char path[ROOTFS_PATH_MAX];
    struct erofs_index *x;

    if (img->n_layers == 0)
        return lower_of_view(drv, img, ret, e);
    stack_path(image_chain(img), INDEX_NAME, path);
    _cleanup_close_ int fd = sys_openat(self(drv)->common.root_fd, path, O_RDONLY, 0);
    if (fd < 0)
        return err_sys(e, "%s", path);
    int r = erofs_index_open(fd, &x, e);
    if (r >= 0)
        *ret = (struct lower){.fd = -1, .index = x, .nid = erofs_index_root(x), .is_root = true};
    return r;
}

/* An index that has been collected since will be made again: the same. */
static int origins(struct rootfs_driver *drv, const struct rootfs_image *img,
                   struct rootfs_origins **ret, struct shale_err *e)
{
    char path[ROOTFS_PATH_MAX];

    *ret = NULL;
    if (img->n_layers == 0)
        return 0;
    stack_path(image_chain(img), INDEX_NAME, path);
    int fd = sys_openat(self(drv)->common.root_fd, path, O_RDONLY, 0);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(e, "%s", path);
    return erofs_origins_open(fd, img, ret, e);
}

/* An image without layers: an empty folder of the store serves as its lower one. */
static int mount_empty(struct erofs_driver *d, const char *target, struct shale_err *e)
{
    char *path = mem_printf("%s/images/.empty", d->common.root_path);
    int r = path ? fs_mkdir_p(AT_FDCWD, path, 0755, e) : err_nomem(e);

    if (r >= 0)
        r = mount_view(path, target, e);
    free(path);
    return r;
}

static int do_mount(struct rootfs_driver *drv, const struct rootfs_image *img, const char *target,
                    const struct rootfs_writable *w, struct shale_err *e)
{
    struct erofs_driver *d = self(drv);
    int r = img->n_layers ? mount_index(d, img, target, e) : mount_empty(d, target, e);

    if (r < 0 || !w)
        return r;
    /* the overlay covers the index at the same place: one umount more, and nothing else to remember
     */
    r = mount_overlay(target, w, target, e);
    if (r < 0)
        (void)mount_remove(target, NULL);
    return r;
}

static int do_umount(struct rootfs_driver *drv, const char *target, struct shale_err *e)
{
    return mount_remove(target, e);
}

/* ---- the cache ---- */

static int do_remove(struct rootfs_driver *drv, const struct digest *chain, struct shale_err *e)
{
    struct erofs_driver *d = self(drv);
    char path[ROOTFS_PATH_MAX];

    stack_path(chain, NULL, path);
    if (!fs_exists(d->common.root_fd, path))
        return 0;
    _cleanup_close_ int lock = stack_lock(&d->common, chain, NULL, e);
    if (lock < 0)
        return lock;
    /* A mounted index lives on without its name. */
    return stack_take_away(d->common.root_fd, chain, names, ARRAY_SIZE(names), e);
}

static int same_file(int root, const char *a, const char *b, bool *ret, struct shale_err *e)
{
    _cleanup_close_ int fa = sys_openat(root, a, O_RDONLY, 0);
    _cleanup_close_ int fb = sys_openat(root, b, O_RDONLY, 0);
    static const size_t bytes = 64u << 10;
    _cleanup_free_ char *block = mem_alloc(2 * bytes);
    size_t na, nb;

    if (!block)
        return err_nomem(e);
    if (fa < 0 || fb < 0) {
        *ret = fa < 0 && fb < 0;
        return 0;
    }
    do {
        if (sys_read_full(fa, block, bytes, &na) < 0 ||
            sys_read_full(fb, block + bytes, bytes, &nb) < 0)
            return err_sys(e, "%s", a);
        if (na != nb || memcmp(block, block + bytes, na) != 0) {
            *ret = false;
            return 0;
        }
    } while (na == bytes);
    *ret = true;
    return 0;
}

/* The same tree gives the same bytes: build it again and compare. */
static int verify(struct rootfs_driver *drv, const struct rootfs_image *img, struct cancel *c,
                  struct shale_err *e)
{
    struct erofs_driver *d = self(drv);
    char temp[ROOTFS_PATH_MAX];
    bool same = true;

    if (img->n_layers == 0)
        return 0;
    _cleanup_close_ int lock = stack_lock(&d->common, image_chain(img), c, e);
    if (lock < 0)
        return lock;
    temp_path(image_chain(img), "check", temp);
    int r = fs_remove_tree(d->common.root_fd, temp, e);
    if (r >= 0)
        r = fs_mkdir_p(d->common.root_fd, temp, 0700, e);
    if (r >= 0)
        r = build(&d->common, img, temp, c, e);
    for (size_t i = 0; r >= 0 && same && i < ARRAY_SIZE(names); i++) {
        char a[ROOTFS_PATH_MAX], b[ROOTFS_PATH_MAX];
        snprintf(a, sizeof a, "%.3900s/%s", temp, names[i]);
        stack_path(image_chain(img), names[i], b);
        r = same_file(d->common.root_fd, a, b, &same, e);
    }
    (void)fs_remove_tree(d->common.root_fd, temp, NULL);
    if (r >= 0 && !same)
        r = err_set(e, SHALE_CORRUPT, "the index of %s differs from its layers",
                    image_chain(img)->s);
    return r;
}

/* ---- life ---- */

static struct rootfs_driver *do_close(struct rootfs_driver *drv)
{
    if (drv)
        common_close(&self(drv)->common);
    return NULL;
}

static const struct rootfs_ops ops = {
    .name = "erofs",
    .prepare = prepare,
    .mount = do_mount,
    .view = view,
    .lower = lower,
    .origins = origins,
    .umount = do_umount,
    .remove = do_remove,
    .verify = verify,
    .close = do_close,
};

int driver_erofs_open(int root_fd, const char *root_path, bool loops, struct rootfs_driver **ret,
                      struct shale_err *e)
{
    struct erofs_driver *d = mem_alloc(sizeof *d);

    if (!d)
        return err_nomem(e);
    d->common.driver.ops = &ops;
    d->common.root_fd = -1;
    d->loops = loops;
    int r = common_open(&d->common, root_fd, root_path, e);
    if (r < 0) {
        common_close(&d->common);
        return r;
    }
    *ret = &d->common.driver;
    return 0;
}

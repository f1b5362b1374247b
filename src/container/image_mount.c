/* SPDX-License-Identifier: Apache-2.0 */
#include "container/image_mount.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/str.h"
#include "container/create_priv.h"
#include "image/image.h"

static bool is_image(const struct conf_mount *m)
{
    return streq(m->type, "image");
}

/* ---- making a container ---- */

int image_mount_take(struct create *c, const struct shale_mount *from, struct conf_mount *m,
                     struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct image_found found;

    if (!from->source || !*from->source)
        return err_set(e, SHALE_INVALID,
                       "invalid mount config for type \"image\": field Source must not be empty");
    int r = image_find(c->h->store, from->source, c->a, &found, &why);
    if (r == -SHALE_NOT_FOUND) /* which would be the container's own image */
        return err_set(e, SHALE_INVALID, "%s", why.msg);
    if (r < 0)
        return err_set(e, why.code, "%s", why.msg);
    m->name = arena_strdup(c->a, found.id.s);
    m->source = arena_strdup(c->a, from->source);
    m->options = arena_strdup(c->a, from->subpath ? from->subpath : "");
    return m->name && m->source && m->options ? 0 : err_nomem(e);
}

int image_mounts_used(const struct conf *c, struct arena *a, const struct digest **ret,
                      size_t *ret_n, struct shale_err *e)
{
    struct digest *v = arena_array(a, c->n_mounts + 1, sizeof *v);
    size_t n = 0;
    int r = v ? 0 : err_nomem(e);

    for (size_t i = 0; r >= 0 && i < c->n_mounts; i++)
        if (is_image(&c->mounts[i]))
            r = digest_parse(c->mounts[i].name, &v[n++], e);
    *ret = v;
    *ret_n = n;
    return r < 0 ? r : 0;
}

/* ---- mounting ---- */

static const char *folder(struct arena *a, const struct ctr *c, size_t i, const char *name)
{
    return arena_printf(a, "%s/images/%zu/%s", c->dir, i, name);
}

int image_mount_path(struct arena *a, const struct ctr *c, size_t i, const char **ret_path,
                     struct shale_err *e)
{
    const struct conf_mount *m = &c->conf.mounts[i];
    const char *root = folder(a, c, i, "root");
    struct shale_err why = SHALE_ERR_INIT;
    char link[40], path[PATH_MAX];

    *ret_path = root;
    if (!root)
        return err_nomem(e);
    if (!*m->options)
        return 0;
    _cleanup_close_ int top = fs_open_dir(AT_FDCWD, root, e);
    if (top < 0)
        return top;
    _cleanup_close_ int fd = inroot_open(top, m->options, O_PATH, &why);
    if (fd < 0)
        return err_set(e, SHALE_INVALID,
                       "cannot access image subpath \"%.200s\": %s has no such path", m->options,
                       m->name);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0)
        return err_sys(e, "find %.200s in the image", m->options);
    path[n] = 0;
    size_t root_n = strlen(root);
    if (strncmp(path, root, root_n) != 0 || (path[root_n] && path[root_n] != '/'))
        return err_set(e, SHALE_INTERNAL, "%.200s is not in the image", m->options);
    *ret_path = arena_strdup(a, path);
    return *ret_path ? 0 : err_nomem(e);
}

int image_mount_make(struct container_host *h, struct arena *a, const struct ctr *c, size_t i,
                     const char **ret_path, struct shale_err *e)
{
    const struct conf_mount *m = &c->conf.mounts[i];
    const char *root = folder(a, c, i, "root"), *upper = folder(a, c, i, "upper");
    const char *work = folder(a, c, i, "work");
    struct digest id;

    if (!root || !upper || !work)
        return err_nomem(e);
    const struct rootfs_writable w = {upper, work, false};
    int r = digest_parse(m->name, &id, e);
    if (r >= 0)
        r = fs_mkdir_p(AT_FDCWD, root, 0711, e);
    if (r >= 0 && !m->read_only)
        r = fs_mkdir_p(AT_FDCWD, upper, 0755, e);
    if (r >= 0 && !m->read_only)
        r = fs_mkdir_p(AT_FDCWD, work, 0711, e);
    if (r < 0)
        return r;
    (void)store_rootfs_umount(h->store, root, NULL); /* of a start that broke off */
    r = store_rootfs_mount(h->store, &id, root, m->read_only ? NULL : &w, h->cancel, e);
    if (r < 0)
        return err_wrap(e, r, "mount image %.100s at %.200s", m->source, m->target);
    return image_mount_path(a, c, i, ret_path, e);
}

int image_mounts_make(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < c->conf.n_mounts; i++)
        if (is_image(&c->conf.mounts[i]))
            r = image_mount_make(h, a, c, i, &c->conf.mounts[i].source, e);
    return r;
}

void image_mounts_undo(struct container_host *h, struct arena *a, const struct ctr *c)
{
    for (size_t i = 0; i < c->conf.n_mounts; i++) {
        const char *root = is_image(&c->conf.mounts[i]) ? folder(a, c, i, "root") : NULL;
        if (root)
            (void)store_rootfs_umount(h->store, root, NULL);
    }
}

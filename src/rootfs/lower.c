/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/lower.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "rootfs/erofs_index.h"

int lower_find(const struct lower *l, const char *name, struct stat *ret, struct shale_err *e)
{
    uint64_t nid;

    if (l->index) {
        int r = erofs_index_find(l->index, l->nid, name, &nid, e);
        return r <= 0 ? r : erofs_index_stat(l->index, nid, ret, e);
    }
    if (l->fd < 0)
        return 0;
    if (fstatat(l->fd, name, ret, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT ? 0 : err_sys(e, "%s", name);
}

int lower_open(const struct lower *l, const char *name, struct lower *ret, struct shale_err *e)
{
    uint64_t nid;

    *ret = LOWER_NONE;
    if (!l->index) {
        ret->fd = openat(l->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return ret->fd < 0 ? err_sys(e, "%s", name) : 0;
    }
    int r = erofs_index_find(l->index, l->nid, name, &nid, e);
    if (r < 0)
        return r;
    if (r == 0)
        return err_set(e, SHALE_NOT_FOUND, "%s", name);
    *ret = (struct lower){.fd = -1, .index = l->index, .nid = nid};
    return 0;
}

int lower_each(const struct lower *l, int (*f)(void *arg, const char *name, unsigned char d_type),
               void *arg, struct shale_err *e)
{
    return l->index ? erofs_index_each(l->index, l->nid, f, arg, e)
                    : fs_each(l->fd, ".", f, arg, e);
}

size_t lower_xattr(const struct lower *l, const char *name, const char *attr, void *ret, size_t n)
{
    char path[PATH_MAX];
    uint64_t nid;

    if (l->index) {
        if (erofs_index_find(l->index, l->nid, name, &nid, NULL) != 1)
            return 0;
        return erofs_index_xattr(l->index, nid, attr, ret, n);
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", l->fd, name);
    ssize_t got = lgetxattr(path, attr, ret, n);
    return got < 0 ? 0 : (size_t)got;
}

void lower_close(struct lower *l)
{
    if (l->fd >= 0)
        close(l->fd);
    if (l->is_root)
        erofs_index_close(l->index);
    *l = LOWER_NONE;
}

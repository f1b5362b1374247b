/* SPDX-License-Identifier: Apache-2.0 */
#include "container/copytree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define XATTR_LIST_MAX  65536 /* the kernel's own limits */
#define XATTR_VALUE_MAX 65536

struct level {
    int from, to;
    int depth;
    struct shale_err *e;
};

static int copy_dir(int from, int to, int depth, struct shale_err *e);

static int copy_xattrs(int from, int to, struct shale_err *e)
{
    _cleanup_free_ char *names = NULL;
    _cleanup_free_ char *value = NULL;
    ssize_t n = flistxattr(from, NULL, 0);

    if (n <= 0)
        return 0; /* none, or a file system without them */
    names = mem_alloc(XATTR_LIST_MAX);
    value = mem_alloc(XATTR_VALUE_MAX);
    if (!names || !value)
        return err_nomem(e);
    n = flistxattr(from, names, XATTR_LIST_MAX);
    for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
        ssize_t size = fgetxattr(from, p, value, XATTR_VALUE_MAX);
        if (size < 0 || str_has_prefix(p, "trusted.overlay."))
            continue;
        if (fsetxattr(to, p, value, (size_t)size, 0) < 0 && !str_has_prefix(p, "security."))
            return err_sys(e, "set extended attribute %.100s", p);
    }
    return 0;
}

/* Owner before mode: chown takes set-user-ID bits away. */
static int copy_meta(int from, int to, const struct stat *st, struct shale_err *e)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    int r;

    if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
        return err_sys(e, "set owner and mode");
    r = copy_xattrs(from, to, e);
    if (r < 0)
        return r;
    if (futimens(to, times) < 0)
        return err_sys(e, "set times");
    return 0;
}

static int copy_sub_dir(const struct level *l, const char *name)
{
    _cleanup_close_ int from = -1, to = -1;
    int r;

    if (l->depth == COPYTREE_DEPTH_MAX)
        return err_set(l->e, SHALE_LIMIT, "directories deeper than %d", COPYTREE_DEPTH_MAX);
    from = openat(l->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return err_sys(l->e, "open %.200s", name);
    if (sys_mkdirat(l->to, name, 0700) < 0)
        return err_sys(l->e, "create %.200s", name);
    to = openat(l->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return err_sys(l->e, "open %.200s", name);
    r = copy_dir(from, to, l->depth + 1, l->e);
    return r;
}

static int copy_file(const struct level *l, const char *name, const struct stat *st)
{
    _cleanup_close_ int from = -1, to = -1;
    int r;

    from = openat(l->from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (from < 0)
        return err_sys(l->e, "open %.200s", name);
    to = sys_openat(l->to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (to < 0)
        return err_sys(l->e, "create %.200s", name);
    r = fs_copy_fd(from, to, UINT64_MAX, l->e);
    return r < 0 ? r : copy_meta(from, to, st, l->e);
}

static int copy_other(const struct level *l, const char *name, const struct stat *st)
{
    char target[PATH_MAX];
    ssize_t n;

    if (S_ISLNK(st->st_mode)) {
        n = readlinkat(l->from, name, target, sizeof target - 1);
        if (n < 0)
            return err_sys(l->e, "read link %.200s", name);
        target[n] = 0;
        if (sys_symlinkat(target, l->to, name) < 0)
            return err_sys(l->e, "create %.200s", name);
    } else if (mknodat(l->to, name, st->st_mode, st->st_rdev) < 0) {
        return err_sys(l->e, "create %.200s", name);
    }
    if (fchownat(l->to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(l->e, "set owner of %.200s", name);
    return 0;
}

static int copy_entry(void *arg, const char *name, unsigned char d_type)
{
    const struct level *l = arg;
    struct stat st;

    if (fstatat(l->from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(l->e, "stat %.200s", name);
    if (S_ISDIR(st.st_mode))
        return copy_sub_dir(l, name);
    return S_ISREG(st.st_mode) ? copy_file(l, name, &st) : copy_other(l, name, &st);
}

static int copy_dir(int from, int to, int depth, struct shale_err *e)
{
    struct level l = {from, to, depth, e};
    struct stat st;
    int r;

    if (fstat(from, &st) < 0)
        return err_sys(e, "stat");
    r = fs_each(from, ".", copy_entry, &l, e);
    return r < 0 ? r : copy_meta(from, to, &st, e);
}

int copytree(int from_fd, int to_fd, struct shale_err *e)
{
    return copy_dir(from_fd, to_fd, 0, e);
}

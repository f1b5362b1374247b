/* SPDX-License-Identifier: Apache-2.0 */
#include "base/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/sys.h"

#define READ_STEP 16384
/* A rename anywhere in the meantime makes the kernel ask to try again; a container may keep doing
 * that. */
#define OPEN_TRIES 64

static int open_in(int root_fd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    int fd, tries = OPEN_TRIES;

    do {
        fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
    } while (fd < 0 && (errno == EINTR || errno == EAGAIN) && --tries > 0);
    return fd;
}

int inroot_open(int root_fd, const char *path, int flags, struct shale_err *e)
{
    int fd = open_in(root_fd, path, flags);

    return fd >= 0 ? fd : err_sys(e, "open %.200s in the root file system", path);
}

int inroot_read(int root_fd, const char *path, struct buf *b, struct shale_err *e)
{
    _cleanup_close_ int fd = -1;
    struct stat st;
    ssize_t n;

    fd = inroot_open(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, e);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "stat %.200s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, SHALE_INVALID, "%.200s is not a regular file", path);
    do {
        char *room = buf_room(b, READ_STEP);
        if (!room)
            return buf_check(b, e);
        n = read(fd, room, READ_STEP);
        if (n < 0)
            return err_sys(e, "read %.200s", path);
        b->n += (size_t)n;
    } while (n > 0);
    return 0;
}

int inroot_mkdir_p(int root_fd, const char *path, struct shale_err *e)
{
    char prefix[PATH_MAX];
    size_t n = 0;
    struct str rest = str_of(path), part;
    int was_there = 1;

    if (rest.n >= sizeof prefix)
        return err_set(e, SHALE_INVALID, "path of %zu bytes is too long", rest.n);
    prefix[n++] = '/';
    while (rest.n > 0 && str_split(&rest, '/', &part)) {
        _cleanup_close_ int parent = -1, here = -1;
        if (part.n == 0)
            continue;
        prefix[n] = 0;
        parent = inroot_open(root_fd, prefix, O_PATH | O_DIRECTORY, e);
        if (parent < 0)
            return parent;
        if (n > 1)
            prefix[n++] = '/';
        memcpy(prefix + n, part.p, part.n);
        n += part.n;
        prefix[n] = 0;
        here = open_in(root_fd, prefix, O_PATH | O_DIRECTORY);
        if (here >= 0)
            continue;
        if (errno != ENOENT)
            return err_sys(e, "open %.200s in the root file system", prefix);
        if (sys_mkdirat(parent, prefix + n - part.n, 0755) < 0)
            return err_sys(e, "create %.200s in the root file system", prefix);
        was_there = 0;
    }
    return was_there;
}

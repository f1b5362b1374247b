/* SPDX-License-Identifier: Apache-2.0 */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"

#define POLL_NS (20 * 1000 * 1000)

static int open_lock(int dirfd, const char *name, struct shale_err *e)
{
    int fd = sys_openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EROFS)
        return err_set(e, SHALE_DENIED, "the file system is read-only (lock %.100s)", name);
    return fd < 0 ? err_sys(e, "lock %s", name) : fd;
}

int lock_fd_try(int fd, enum lock_mode mode, struct shale_err *e)
{
    int op = (mode == LOCK_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB;
    while (flock(fd, op) < 0) {
        if (errno == EINTR)
            continue;
        return errno == EWOULDBLOCK ? 0 : err_sys(e, "flock");
    }
    return 1;
}

int lock_fd_take(int fd, enum lock_mode mode, struct cancel *c, struct shale_err *e)
{
    for (;;) {
        int r = lock_fd_try(fd, mode, e);
        if (r != 0)
            return r < 0 ? r : 0;
        r = cancel_check(c, e);
        if (r < 0)
            return r;
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
}

int lock_take(int dirfd, const char *name, enum lock_mode mode, struct cancel *c,
              struct shale_err *e)
{
    _cleanup_close_ int fd = open_lock(dirfd, name, e);
    if (fd < 0)
        return fd;
    int r = lock_fd_take(fd, mode, c, e);
    return r < 0 ? r : TAKE_FD(fd);
}

int lock_try(int dirfd, const char *name, enum lock_mode mode, struct shale_err *e)
{
    _cleanup_close_ int fd = open_lock(dirfd, name, e);
    if (fd < 0)
        return fd;
    int r = lock_fd_try(fd, mode, e);
    if (r < 0)
        return r;
    return r == 1 ? TAKE_FD(fd) : err_set(e, SHALE_IN_USE, "%s is locked by another process", name);
}

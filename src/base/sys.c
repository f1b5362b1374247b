/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef SHALE_FAULT_HOOKS
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

enum fault_mode { FAULT_NONE, FAULT_KILL, FAULT_FAIL, FAULT_FAIL_ALL, FAULT_COUNT };

static struct {
    pthread_once_t once;
    enum fault_mode mode;
    unsigned long n;
    int errnum;
    char file[256];
    atomic_ulong count;
} fault = {.once = PTHREAD_ONCE_INIT};

static void write_count(void)
{
    FILE *f = fopen(fault.file, "we");
    if (!f)
        return;
    fprintf(f, "%lu\n", atomic_load(&fault.count));
    fclose(f);
}

static void read_fault(void)
{
    const char *s = getenv("SHALE_FAULT");
    char *end;

    if (!s)
        return;
    if (strncmp(s, "count:", 6) == 0) {
        fault.mode = FAULT_COUNT;
        snprintf(fault.file, sizeof fault.file, "%s", s + 6);
        atexit(write_count);
        return;
    }
    fault.mode = strncmp(s, "kill:", 5) == 0      ? FAULT_KILL
                 : strncmp(s, "fail:", 5) == 0    ? FAULT_FAIL
                 : strncmp(s, "failall:", 8) == 0 ? FAULT_FAIL_ALL
                                                  : FAULT_NONE;
    s = strchr(s, ':');
    fault.n = s ? strtoul(s + 1, &end, 10) : 0;
    fault.errnum = s && *end == ':' ? (int)strtol(end + 1, NULL, 10) : EIO;
}

/* Counts one call; true when it must fail. */
static bool faulty(void)
{
    pthread_once(&fault.once, read_fault);
    if (fault.mode == FAULT_NONE)
        return false;
    unsigned long n = atomic_fetch_add(&fault.count, 1) + 1;
    if (fault.mode == FAULT_KILL && n == fault.n)
        kill(getpid(), SIGKILL);
    if ((fault.mode == FAULT_FAIL && n == fault.n) ||
        (fault.mode == FAULT_FAIL_ALL && n >= fault.n)) {
        errno = fault.errnum;
        return true;
    }
    return false;
}

bool sys_fault_built(void)
{
    return true;
}
#else
static inline bool faulty(void)
{
    return false;
}

bool sys_fault_built(void)
{
    return false;
}
#endif

int sys_step(const char *name)
{
    (void)name;
    return faulty() ? -1 : 0;
}

int sys_openat(int dirfd, const char *path, int flags, mode_t mode)
{
    int fd;

    if ((flags & (O_CREAT | O_TRUNC)) && faulty())
        return -1;
    do
        fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

int sys_write_all(int fd, const void *p, size_t n)
{
    const char *q = p;

    if (faulty())
        return -1;
    while (n > 0) {
        ssize_t k = write(fd, q, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            if (k == 0)
                errno = ENOSPC;
            return -1;
        }
        q += k;
        n -= (size_t)k;
    }
    return 0;
}

int sys_pwrite_all(int fd, const void *p, size_t n, uint64_t offset)
{
    const char *q = p;

    if (faulty())
        return -1;
    while (n > 0) {
        ssize_t k = pwrite(fd, q, n, (off_t)offset);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0) {
            if (k == 0)
                errno = ENOSPC;
            return -1;
        }
        q += k;
        n -= (size_t)k;
        offset += (uint64_t)k;
    }
    return 0;
}

int sys_read_full(int fd, void *p, size_t n, size_t *ret_n)
{
    size_t got = 0;

    while (got < n) {
        ssize_t k = read(fd, (char *)p + got, n - got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -1;
        if (k == 0)
            break;
        got += (size_t)k;
    }
    *ret_n = got;
    return 0;
}

int sys_pread_full(int fd, void *p, size_t n, uint64_t offset, size_t *ret_n)
{
    size_t got = 0;

    while (got < n) {
        ssize_t k = pread(fd, (char *)p + got, n - got, (off_t)(offset + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -1;
        if (k == 0)
            break;
        got += (size_t)k;
    }
    *ret_n = got;
    return 0;
}

/* One call that may be interrupted, behind the hook. */
#define HOOKED(call)                                                                               \
    do {                                                                                           \
        int _r;                                                                                    \
        if (faulty())                                                                              \
            return -1;                                                                             \
        do                                                                                         \
            _r = (call);                                                                           \
        while (_r < 0 && errno == EINTR);                                                          \
        return _r;                                                                                 \
    } while (0)

int sys_fsync(int fd)
{
    HOOKED(fsync(fd));
}

int sys_fdatasync(int fd)
{
    HOOKED(fdatasync(fd));
}

int sys_ftruncate(int fd, uint64_t size)
{
    HOOKED(ftruncate(fd, (off_t)size));
}

int sys_fallocate(int fd, uint64_t size)
{
    HOOKED(fallocate(fd, 0, 0, (off_t)size));
}

int sys_renameat(int olddir, const char *oldp, int newdir, const char *newp)
{
    HOOKED(renameat(olddir, oldp, newdir, newp));
}

int sys_linkat(int olddir, const char *oldp, int newdir, const char *newp)
{
    HOOKED(linkat(olddir, oldp, newdir, newp, 0));
}

int sys_symlinkat(const char *target, int dirfd, const char *path)
{
    HOOKED(symlinkat(target, dirfd, path));
}

int sys_unlinkat(int dirfd, const char *path, int flags)
{
    HOOKED(unlinkat(dirfd, path, flags));
}

int sys_mkdirat(int dirfd, const char *path, mode_t mode)
{
    HOOKED(mkdirat(dirfd, path, mode));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/sys.h"

struct making {
    const char *path;
    const char *what; /* that failed; NULL: nothing */
    int error;
};

static bool loopback_up(void)
{
    _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq q = {.ifr_name = "lo", .ifr_flags = IFF_UP};

    return fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &q) == 0;
}

/* Leaving a namespace is a thread's own affair: this one ends, the process stays where it is. */
static void *make(void *arg)
{
    struct making *m = arg;

    if (unshare(CLONE_NEWNET) < 0)
        m->what = "make a network namespace";
    else if (!loopback_up())
        m->what = "set up the loopback device of a network namespace";
    else if (mount("/proc/thread-self/ns/net", m->path, NULL, MS_BIND, NULL) < 0)
        m->what = "mount a network namespace";
    m->error = errno;
    return NULL;
}

int netns_make(const char *path, struct shale_err *e)
{
    _cleanup_close_ int fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);
    struct making m = {.path = path};
    pthread_t thread;

    if (fd < 0)
        return err_sys(e, "create %s", path);
    if (sys_step("netns") < 0)
        return err_sys(e, "make a network namespace");
    int r = pthread_create(&thread, NULL, make, &m);
    if (r == 0)
        r = pthread_join(thread, NULL);
    if (r != 0) {
        errno = r;
        return err_sys(e, "start a thread");
    }
    if (!m.what)
        return 0;
    errno = m.error;
    return err_sys(e, "%s", m.what);
}

void netns_drop(const char *path)
{
    while (umount2(path, MNT_DETACH) == 0)
        ;
    (void)sys_unlinkat(AT_FDCWD, path, 0);
}

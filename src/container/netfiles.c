/* SPDX-License-Identifier: Apache-2.0 */
#include "container/netfiles.h"

#include <fcntl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"

static const char own_hosts[] = "127.0.0.1\tlocalhost\n"
                                "::1\tlocalhost ip6-localhost ip6-loopback\n"
                                "fe00::\tip6-localnet\n"
                                "ff00::\tip6-mcastprefix\n"
                                "ff02::1\tip6-allnodes\n"
                                "ff02::2\tip6-allrouters\n";

/* In place, so that a container that runs sees it; nothing here has to survive a crash. */
static int put(int dir_fd, const char *name, const void *p, size_t n, struct shale_err *e)
{
    _cleanup_close_ int fd =
        sys_openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);

    if (fd < 0 || sys_write_all(fd, p, n) < 0)
        return err_sys(e, "write %s of the container", name);
    return 0;
}

static int put_copy(int dir_fd, const char *name, const char *from, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(NETFILES_MAX);

    (void)fs_read_file(AT_FDCWD, from, &b, NULL); /* a host without one: empty */
    return put(dir_fd, name, buf_str(&b), b.n, e);
}

int netfiles_write(const char *dir, const struct conf *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(NETFILES_MAX);
    _cleanup_close_ int dir_fd = fs_open_dir(AT_FDCWD, dir, e);
    int r;

    if (dir_fd < 0)
        return dir_fd;
    buf_addf(&b, "%s\n", c->hostname);
    r = buf_check(&b, e);
    if (r >= 0)
        r = put(dir_fd, "hostname", b.p, b.n, e);
    if (r >= 0)
        r = put_copy(dir_fd, "resolv.conf", "/etc/resolv.conf", e);
    if (r < 0)
        return r;
    if (streq(c->network, "host"))
        return put_copy(dir_fd, "hosts", "/etc/hosts", e);
    return put(dir_fd, "hosts", own_hosts, sizeof own_hosts - 1, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "rootfs/driver_priv.h"

#define TRIES 64 /* another process may take the free device first */

int loop_attach(int file_fd, char ret[32], struct shale_err *e)
{
    _cleanup_close_ int control = sys_openat(AT_FDCWD, "/dev/loop-control", O_RDWR, 0);
    struct loop_config config = {.fd = (__u32)file_fd, .block_size = 512};

    if (control < 0)
        return err_sys(e, "/dev/loop-control");
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    for (int i = 0; i < TRIES; i++) {
        int n = ioctl(control, LOOP_CTL_GET_FREE);
        if (n < 0)
            return err_sys(e, "no free loop device");
        snprintf(ret, 32, "/dev/loop%d", n);
        _cleanup_close_ int fd = sys_openat(AT_FDCWD, ret, O_RDONLY, 0);
        if (fd < 0)
            return err_sys(e, "%s", ret);
        if (ioctl(fd, LOOP_CONFIGURE, &config) == 0)
            return TAKE_FD(fd);
        if (errno != EBUSY)
            return err_sys(e, "%s", ret);
    }
    return err_set(e, SHALE_IN_USE, "no free loop device");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/proc.h"
#include "rootfs/driver_priv.h"

/* glibc before 2.36 has no wrappers, and its <sys/mount.h> and <linux/mount.h> quarrel in some
 * versions: the system calls themselves. */
static int fs_open(const char *type)
{
    return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
}

static int fs_config(int fd, unsigned cmd, const char *key, const char *value)
{
    return (int)syscall(SYS_fsconfig, fd, cmd, key, value, 0);
}

/* The kernel's last error message of a file system context, without its "e " mark. */
static void kernel_words(int fd, char *ret, size_t n)
{
    char line[256];
    ssize_t k;

    ret[0] = 0;
    while ((k = read(fd, line, sizeof line - 1)) > 0) {
        line[k] = 0;
        line[strcspn(line, "\n")] = 0;
        if (k > 2 && line[1] == ' ')
            snprintf(ret, n, "%.200s", line + 2);
    }
}

static int refuse(int fd, const char *fstype, struct shale_err *e)
{
    int saved = errno;
    char words[256];

    kernel_words(fd, words, sizeof words);
    errno = saved;
    return words[0] ? err_sys(e, "mount %s: %s", fstype, words) : err_sys(e, "mount %s", fstype);
}

struct held { /* descriptors that long paths go by way of, until the mount is made */
    int *v;
    size_t n;
};

static void held_clear(struct held *h)
{
    while (h->n > 0)
        close(h->v[--h->n]);
    free(h->v);
}

/* fsconfig(2) takes strings of at most 255 bytes. A longer path goes by way of a descriptor. */
static int set_string(int fd, const struct mount_option *o, struct held *h)
{
    char shorter[32];

    if (strlen(o->value) < 256)
        return fs_config(fd, FSCONFIG_SET_STRING, o->key, o->value);
    int path = open(o->value, O_PATH | O_CLOEXEC);
    if (path < 0)
        return -1;
    h->v[h->n++] = path;
    snprintf(shorter, sizeof shorter, "/proc/self/fd/%d", path);
    return fs_config(fd, FSCONFIG_SET_STRING, o->key, shorter);
}

int mount_new(const char *fstype, const struct mount_option *options, size_t n, bool read_only,
              struct shale_err *e)
{
    _cleanup_(held_clear) struct held held = {.v = mem_array(n, sizeof *held.v)};
    _cleanup_close_ int fd = fs_open(fstype);

    if (!held.v)
        return err_nomem(e);
    if (fd < 0)
        return err_sys(e, "%s is not in this kernel", fstype);
    for (size_t i = 0; i < n; i++) {
        const struct mount_option *o = &options[i];
        if ((o->value ? set_string(fd, o, &held) : fs_config(fd, FSCONFIG_SET_FLAG, o->key, NULL)) <
            0)
            return refuse(fd, fstype, e);
    }
    if (read_only && fs_config(fd, FSCONFIG_SET_FLAG, "ro", NULL) < 0)
        return refuse(fd, fstype, e);
    if (fs_config(fd, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
        return refuse(fd, fstype, e);
    int m = (int)syscall(SYS_fsmount, fd, FSMOUNT_CLOEXEC, read_only ? MOUNT_ATTR_RDONLY : 0);
    return m < 0 ? refuse(fd, fstype, e) : m;
}

int mount_move(int mount_fd, const char *target, struct shale_err *e)
{
    if (syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return err_sys(e, "mount at %s", target);
    return 0;
}

/* lowerdir takes a list: a path's own colons are escaped. */
static char *escape_lower(const char *path)
{
    char *s = mem_alloc(2 * strlen(path) + 1), *q = s;

    for (; s && *path; path++) {
        if (*path == ':' || *path == '\\')
            *q++ = '\\';
        *q++ = *path;
    }
    return s;
}

int mount_overlay(const char *lower, const struct rootfs_writable *w, const char *target,
                  struct shale_err *e)
{
    _cleanup_free_ char *escaped = escape_lower(lower);

    if (!escaped)
        return err_nomem(e);
    const struct mount_option o[] = {
        {"volatile", NULL}, /* first, to be left out */
        {"source", "shale"},     {"lowerdir", escaped},
        {"upperdir", w->upper},  {"workdir", w->work},
        {"redirect_dir", "off"}, {"metacopy", "off"}, /* what is above tells all that has changed */
    };
    /* in a user namespace: its marks are user.overlay.*, and the last two go without saying */
    const struct mount_option user[] = {
        {"volatile", NULL},     {"source", "shale"},  {"lowerdir", escaped},
        {"upperdir", w->upper}, {"workdir", w->work}, {"userxattr", NULL},
    };
    bool root = proc_is_root();
    const struct mount_option *v = root ? o : user;
    size_t n = root ? ARRAY_SIZE(o) : ARRAY_SIZE(user);
    int fd = w->scratch ? mount_new("overlay", v, n, false, NULL) : -1;
    if (fd < 0)
        fd = mount_new("overlay", v + 1, n - 1, false, e);
    _cleanup_close_ int m = fd;
    return m < 0 ? m : mount_move(m, target, e);
}

int rootfs_overlay(const char *folder, const struct rootfs_writable *w, const char *target,
                   struct shale_err *e)
{
    return mount_overlay(folder, w, target, e);
}

int mount_view(const char *folder, const char *target, struct shale_err *e)
{
    if (mount(folder, target, NULL, MS_BIND, NULL) < 0)
        return err_sys(e, "mount %s at %s", folder, target);
    if (mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0) {
        int r = err_sys(e, "mount %s at %s", folder, target);
        umount2(target, MNT_DETACH);
        return r;
    }
    return 0;
}

int mount_remove(const char *target, struct shale_err *e)
{
    for (;;) {
        if (umount2(target, UMOUNT_NOFOLLOW) == 0)
            continue;
        if (errno == EINVAL || errno == ENOENT) /* nothing (more) mounted there */
            return 0;
        if (errno != EBUSY)
            return err_sys(e, "umount %s", target);
        /* Somebody still looks at it, from outside the container: it goes when they do. */
        if (umount2(target, UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
            return err_sys(e, "umount %s", target);
    }
}

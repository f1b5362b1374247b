/* SPDX-License-Identifier: Apache-2.0 */
#include "container/devices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"

#define DEVICE_DEPTH_MAX 8

struct device_list {
    struct arena *a;
    struct devices *d;
    int dir_fd;
    const char *prefix; /* inside */
    const char *access;
    bool all; /* of /dev: without what each container has of its own */
    int depth;
};
static const char *const not_devices[] = {"pts",  "shm",    "mqueue", "fd",   "console", "stdin",
                                          "ptmx", "stdout", "stderr", "core", ".lxc"};

/* A later one takes the place of an earlier one at the same path. */
static int add_device(struct device_list *l, const char *path, const struct stat *st)
{
    struct devices *d = l->d;
    struct spec_device one = {path,
                              S_ISCHR(st->st_mode) ? 'c' : 'b',
                              major(st->st_rdev),
                              minor(st->st_rdev),
                              st->st_mode & 0777,
                              st->st_uid,
                              st->st_gid,
                              l->access};

    for (size_t i = 0; !l->all && i < d->n; i++)
        if (streq(d->v[i].path, path)) {
            d->v[i] = one;
            return 0;
        }
    if (d->n == DEVICES_MAX)
        return 0;
    d->v = arena_grow(l->a, d->v, d->n, &d->cap, sizeof *d->v);
    if (!d->v)
        return -SHALE_NO_MEMORY;
    d->v[d->n++] = one;
    return 0;
}

static int collect_devices(struct device_list *l, struct shale_err *e);

static int enter_devices(struct device_list *l, const char *name, const char *path)
{
    _cleanup_close_ int fd =
        openat(l->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct device_list sub = *l;

    if (fd < 0 || l->depth == DEVICE_DEPTH_MAX)
        return 0;
    sub.dir_fd = fd;
    sub.prefix = path;
    sub.depth++;
    return collect_devices(&sub, NULL);
}

static int take_device(void *arg, const char *name, unsigned char d_type)
{
    struct device_list *l = arg;
    const char *path = arena_printf(l->a, "%s/%s", l->prefix, name);
    struct stat st;

    if (!path)
        return -SHALE_NO_MEMORY;
    for (size_t i = 0; l->all && l->depth == 0 && i < ARRAY_SIZE(not_devices); i++)
        if (streq(name, not_devices[i]))
            return 0;
    if (d_type == DT_DIR)
        return enter_devices(l, name, path);
    if ((d_type != DT_CHR && d_type != DT_BLK) ||
        fstatat(l->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return add_device(l, path, &st);
}

static int collect_devices(struct device_list *l, struct shale_err *e)
{
    return fs_each(l->dir_fd, ".", take_device, l, e);
}

int devices_of_host(struct arena *a, struct devices *d, struct shale_err *e)
{
    _cleanup_close_ int fd = fs_open_dir(AT_FDCWD, "/dev", e);
    struct device_list l = {.a = a, .d = d, .dir_fd = fd, .prefix = "/dev", .all = true};

    return fd < 0 ? fd : collect_devices(&l, e);
}

/* ---- those asked for ---- */

#define GATHERING "error gathering device information while adding custom device \"%.200s\": "

static int add_folder(struct device_list *l, const struct run_device *m, struct shale_err *e)
{
    _cleanup_close_ int fd = fs_open_dir(AT_FDCWD, m->host, e);
    size_t before = l->d->n;

    if (fd < 0)
        return fd;
    l->dir_fd = fd;
    int r = collect_devices(l, e);
    if (r >= 0 && l->d->n == before)
        return err_set(e, SHALE_INVALID, GATHERING "no devices found", m->host);
    return r;
}

static int add_one(const struct conf *c, const struct run_device *m, struct arena *a,
                   struct devices *d, struct shale_err *e)
{
    struct device_list l = {
        .a = a, .d = d, .prefix = m->inside, .access = c->privileged ? NULL : m->access};
    struct stat st;
    int r;

    if (stat(m->host, &st) < 0)
        return err_set(e, SHALE_INVALID, GATHERING "%s", m->host,
                       errno == ENOENT ? "no such file or directory" : "it cannot be read");
    if (S_ISDIR(st.st_mode))
        return add_folder(&l, m, e);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
        return err_set(e, SHALE_INVALID, GATHERING "not a device node", m->host);
    r = add_device(&l, m->inside, &st);
    return r < 0 ? err_nomem(e) : 0;
}

int devices_of_conf(const struct conf *c, struct arena *a, struct devices *d, struct shale_err *e)
{
    for (size_t i = 0; i < c->n_devices; i++) {
        int r = add_one(c, &c->devices[i], a, d, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/fs.h"
#include "base/sys.h"

static const char *name_of(const struct outfile *o)
{
    const char *slash = strrchr(o->path, '/');

    return slash ? slash + 1 : o->path;
}

/* The path that a symbolic link stands for, as far as that is there; else the path itself. */
static int take_path(struct outfile *o, const char *path, struct shale_err *e)
{
    _cleanup_free_ char *real = realpath(path, NULL);
    const char *p = real ? real : path;

    if (strlen(p) >= sizeof o->path)
        return err_set(e, SHALE_LIMIT, "path too long: %.80s…", path);
    memcpy(o->path, p, strlen(p) + 1);
    return 0;
}

static int open_folder(struct outfile *o, struct shale_err *e)
{
    char dir[PATH_MAX] = ".";
    const char *name = name_of(o);

    if (name > o->path + 1)
        (void)snprintf(dir, sizeof dir, "%.*s", (int)(name - o->path - 1), o->path);
    else if (name > o->path)
        (void)snprintf(dir, sizeof dir, "/");
    o->dir_fd = sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    if (o->dir_fd >= 0)
        return 0;
    return err_set(e, SHALE_INVALID, "stat %.200s: %s", dir,
                   errno == ENOENT ? "no such file or directory" : strerror(errno));
}

int outfile_open(struct outfile *o, const char *path, struct shale_err *e)
{
    struct stat st = {0};
    bool there = stat(path, &st) == 0;
    char rnd[17];

    if (there && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        o->fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);
        return o->fd < 0 ? err_sys(e, "open %.200s", path) : 0;
    }
    int r = take_path(o, path, e);
    if (r >= 0 && (!*name_of(o) || (there && S_ISDIR(st.st_mode))))
        r = err_set(e, SHALE_INVALID, "\"%.200s\" must be a file, it is a folder", path);
    if (r >= 0)
        r = open_folder(o, e);
    if (r >= 0)
        r = random_hex(rnd, 8, e);
    if (r < 0)
        return r;
    (void)snprintf(o->tmp, sizeof o->tmp, ".shale-out-%s", rnd);
    o->fd = sys_openat(o->dir_fd, o->tmp, O_WRONLY | O_CREAT | O_EXCL, o->mode);
    if (o->fd >= 0)
        return 0;
    o->tmp[0] = 0;
    return err_sys(e, "create a file beside %.200s", path);
}

int outfile_publish(struct outfile *o, struct shale_err *e)
{
    if (!o->tmp[0])
        return 0;
    if (sys_fsync(o->fd) < 0 || sys_renameat(o->dir_fd, o->tmp, o->dir_fd, name_of(o)) < 0)
        return err_sys(e, "write %.200s", o->path);
    o->tmp[0] = 0;
    return fs_sync_dir(o->dir_fd, ".", e);
}

void outfile_clear(struct outfile *o)
{
    if (o->tmp[0])
        (void)sys_unlinkat(o->dir_fd, o->tmp, 0);
    if (o->fd >= 0)
        close(o->fd);
    if (o->dir_fd >= 0)
        close(o->dir_fd);
    *o = (struct outfile)OUTFILE_INIT;
}

int outfile_put(const char *path, const void *p, size_t n, mode_t mode, struct shale_err *e)
{
    _cleanup_(outfile_clear) struct outfile o = OUTFILE_INIT;

    o.mode = mode;
    int r = outfile_open(&o, path, e);
    if (r >= 0 && sys_write_all(o.fd, p, n) < 0)
        r = err_sys(e, "write %.200s", path);
    return r < 0 ? r : outfile_publish(&o, e);
}

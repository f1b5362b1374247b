/* SPDX-License-Identifier: Apache-2.0 */
/* `export`: all that a container sees, as one tar. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/commit_tar.h"
#include "container/ctr.h"
#include "container/events.h"

#define BAD_OUTPUT "failed to export container: invalid output path: "

struct output {
    const char *path, *name; /* name: in its folder */
    int dir_fd, fd;
    bool owns;
    const struct shale_export_opts *opts;
    char tmp[40]; /* "": it is written where it stands */
};

static void output_clear(struct output *o)
{
    if (o->tmp[0])
        (void)sys_unlinkat(o->dir_fd, o->tmp, 0);
    if (o->owns)
        close(o->fd);
    if (o->dir_fd >= 0)
        close(o->dir_fd);
}

static int output_open(struct output *o, struct arena *a, struct shale_err *e)
{
    const char *slash = strrchr(o->path, '/');
    const char *dir = slash == o->path ? "/"
                      : slash          ? arena_strndup(a, o->path, (size_t)(slash - o->path))
                                       : ".";
    struct stat st = {0};
    char rnd[17];
    bool there = stat(o->path, &st) == 0;

    o->name = slash ? slash + 1 : o->path;
    if (!dir)
        return err_nomem(e);
    if (!*o->name || (there && S_ISDIR(st.st_mode)))
        return err_set(e, SHALE_INVALID, BAD_OUTPUT "\"%s\" must be a file, it is a folder",
                       o->path);
    if (there && !S_ISREG(st.st_mode)) { /* a device, a pipe: as it comes */
        o->fd = sys_openat(AT_FDCWD, o->path, O_WRONLY, 0);
        o->owns = o->fd >= 0;
        return o->owns ? 0 : err_sys(e, "failed to export container: open %s", o->path);
    }
    o->dir_fd = sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    if (o->dir_fd < 0)
        return err_set(e, SHALE_INVALID, BAD_OUTPUT "stat %s: %s", dir,
                       errno == ENOENT ? "no such file or directory" : strerror(errno));
    int r = random_hex(rnd, 8, e);
    if (r < 0)
        return r;
    (void)snprintf(o->tmp, sizeof o->tmp, ".shale-export-%s", rnd);
    o->fd = sys_openat(o->dir_fd, o->tmp, O_WRONLY | O_CREAT | O_EXCL, 0600);
    o->owns = o->fd >= 0;
    if (o->owns)
        return 0;
    o->tmp[0] = 0;
    return err_sys(e, "failed to export container: create a file in %s", dir);
}

static int output_publish(struct output *o, struct shale_err *e)
{
    if (!o->tmp[0])
        return 0;
    if (sys_fsync(o->fd) < 0 || sys_renameat(o->dir_fd, o->tmp, o->dir_fd, o->name) < 0)
        return err_sys(e, "failed to export container: write %s", o->path);
    o->tmp[0] = 0;
    return fs_sync_dir(o->dir_fd, ".", e);
}

static int write_out(void *arg, const void *p, size_t n, struct shale_err *e)
{
    const struct output *o = arg;

    if (o->opts->write)
        return o->opts->write(o->opts->arg, p, n) < 0
                   ? err_set(e, SHALE_CANCELED, "nobody takes the tar any more")
                   : 0;
    return sys_write_all(o->fd, p, n) < 0 ? err_sys(e, "write the tar") : 0;
}

int container_export(struct container_host *h, const char *container,
                     const struct shale_export_opts *o, struct arena *a, struct shale_err *e)
{
    _cleanup_(output_clear) struct output out = {
        .path = o->output, .dir_fd = -1, .fd = o->fd, .opts = o};
    struct ctr c;
    int r = ctr_find(h, container, a, &c, e);

    if (r < 0)
        return r;
    const char *path = ctr_path(&c, a, "upper");
    if (!path)
        return err_nomem(e);
    _cleanup_close_ int upper = fs_open_dir(AT_FDCWD, path, NULL);
    if (upper < 0 && errno != ENOENT) /* absent: never started */
        return err_sys(e, "%s", path);
    _cleanup_close_ int lower = store_rootfs_view(h->store, &c.row.image_id, h->cancel, e);
    if (lower < 0)
        return lower;
    r = o->output ? output_open(&out, a, e) : 0;
    if (r >= 0)
        r = export_tar(upper, lower, write_out, &out, h->cancel, e);
    if (r >= 0)
        r = output_publish(&out, e);
    if (r >= 0)
        ctr_event(h, &c.row, EVENT_CONTAINER_EXPORT, NULL, NULL);
    return r;
}

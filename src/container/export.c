/* SPDX-License-Identifier: Apache-2.0 */
/* `export`: all that a container sees, as one tar. */
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/outfile.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "container/commit_tar.h"
#include "container/ctr.h"
#include "container/events.h"

struct output {
    struct outfile file;
    int fd; /* its own, or the caller's */
    const struct shale_export_opts *opts;
};

static void output_clear(struct output *o)
{
    outfile_clear(&o->file);
}

static int failed(const struct shale_err *why, struct shale_err *e)
{
    return err_set(e, why->code, "failed to export container: %s%s",
                   why->code == SHALE_INVALID ? "invalid output path: " : "", why->msg);
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
    _cleanup_(output_clear) struct output out = {.file = OUTFILE_INIT, .fd = o->fd, .opts = o};
    struct shale_err why = SHALE_ERR_INIT;
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
    if (o->output) {
        if (outfile_open(&out.file, o->output, &why) < 0)
            return failed(&why, e);
        out.fd = out.file.fd;
    }
    const int64_t created_s = c.row.created_ns / NS_PER_S;
    r = export_tar(upper, lower, &created_s, write_out, &out, h->cancel, e);
    if (r >= 0 && outfile_publish(&out.file, &why) < 0)
        r = failed(&why, e);
    if (r >= 0)
        ctr_event(h, &c.row, EVENT_CONTAINER_EXPORT, NULL, NULL);
    return r;
}

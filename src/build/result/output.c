/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the target into a folder or a tar, instead of an image. */
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/outfile.h"
#include "base/str.h"
#include "base/sys.h"
#include "build/build_priv.h"
#include "container/commit_tar.h"
#include "tar/tar_unpack.h"

static int write_fd(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return sys_write_all(*(int *)arg, p, n) < 0 ? err_sys(e, "write the tar") : 0;
}

static int to_tar(struct build *b, int view, struct shale_err *e)
{
    _cleanup_(outfile_clear) struct outfile out = OUTFILE_INIT;
    int fd = STDOUT_FILENO, r = 0;

    if (!streq(b->o->tar_to, "-")) {
        out.mode = 0666;
        r = outfile_open(&out, b->o->tar_to, e);
        fd = out.fd;
    }
    if (r >= 0)
        r = export_tar(-1, view, NULL, write_fd, &fd, b->cancel, e);
    return r < 0 ? r : outfile_publish(&out, e);
}

static int to_folder(struct build *b, int view, struct shale_err *e)
{
    struct tar_unpack *u = NULL;
    int r = fs_mkdir_p(AT_FDCWD, b->o->files_to, 0755, e);
    _cleanup_close_ int dir = r < 0 ? -1 : fs_open_dir(AT_FDCWD, b->o->files_to, e);

    if (dir < 0)
        return r < 0 ? r : dir;
    const struct tar_unpack_opts o = {
        .root_fd = dir, .dir = "/", .shown = b->o->files_to, .cancel = b->cancel};
    r = tar_unpack_new(&o, &u, e);
    if (r >= 0)
        r = export_tar(-1, view, NULL, tar_unpack_feed, u, b->cancel, e);
    if (r >= 0)
        r = tar_unpack_end(u, e);
    tar_unpack_free(u);
    return r;
}

static int output(struct build *b, bool tar, struct shale_err *e)
{
    const struct state *s = &b->target->state;
    _cleanup_close_ int view = store_stack_view(b->store, s->layers, s->n_layers, b->cancel, e);

    if (view < 0)
        return view;
    return tar ? to_tar(b, view, e) : to_folder(b, view, e);
}

static int output_one(struct build *b, bool tar, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct told t;
    int r;

    told_begin(b, &t, tar ? "exporting to a tar" : "exporting to a folder");
    r = output(b, tar, &why);
    if (r < 0) {
        told_failed(&t, &why);
        return err_set(e, why.code, "%s", why.msg);
    }
    told_end(&t, SHALE_BUILD_DONE);
    return 0;
}

int output_files(struct build *b, struct shale_err *e)
{
    int r = b->o->files_to ? output_one(b, false, e) : 0;

    return r < 0 || !b->o->tar_to ? r : output_one(b, true, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the target into folders and tars, instead of an image. */
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

static int to_tar(struct build *b, const char *dest, int view, struct shale_err *e)
{
    _cleanup_(outfile_clear) struct outfile out = OUTFILE_INIT;
    int fd = STDOUT_FILENO, r = 0;

    if (!streq(dest, "-")) {
        out.mode = 0666;
        r = outfile_open(&out, dest, e);
        fd = out.fd;
    }
    if (r >= 0)
        r = export_tar(-1, view, NULL, write_fd, &fd, b->cancel, e);
    return r < 0 ? r : outfile_publish(&out, e);
}

static int to_folder(struct build *b, const char *dest, int view, struct shale_err *e)
{
    struct tar_unpack *u = NULL;
    int r = fs_mkdir_p(AT_FDCWD, dest, 0755, e);
    _cleanup_close_ int dir = r < 0 ? -1 : fs_open_dir(AT_FDCWD, dest, e);

    if (dir < 0)
        return r < 0 ? r : dir;
    const struct tar_unpack_opts o = {
        .root_fd = dir, .dir = "/", .shown = dest, .cancel = b->cancel};
    r = tar_unpack_new(&o, &u, e);
    if (r >= 0)
        r = export_tar(-1, view, NULL, tar_unpack_feed, u, b->cancel, e);
    if (r >= 0)
        r = tar_unpack_end(u, e);
    tar_unpack_free(u);
    return r;
}

static int output(struct build *b, const char *dest, bool tar, struct shale_err *e)
{
    const struct state *s = &b->target->state;
    _cleanup_close_ int view = store_stack_view(b->store, s->layers, s->n_layers, b->cancel, e);

    if (view < 0)
        return view;
    return tar ? to_tar(b, dest, view, e) : to_folder(b, dest, view, e);
}

static int output_all(struct build *b, const char *const *list, bool tar, struct shale_err *e)
{
    for (; list && *list; list++) {
        struct shale_err why = SHALE_ERR_INIT;
        struct told t;
        told_begin(b, &t, tar ? "exporting to a tar" : "exporting to a folder");
        if (output(b, *list, tar, &why) < 0) {
            told_failed(&t, &why);
            return err_set(e, why.code, "%s", why.msg);
        }
        told_end(&t, SHALE_BUILD_DONE);
    }
    return 0;
}

int output_files(struct build *b, struct shale_err *e)
{
    int r = output_all(b, b->o->files_to, false, e);

    return r < 0 ? r : output_all(b, b->o->tar_to, true, e);
}

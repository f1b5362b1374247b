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

static int open_view(struct build *b, struct shale_err *e)
{
    const struct state *s = &b->target->state;

    return store_stack_view(b->store, s->layers, s->n_layers, b->cancel, e);
}

static int to_folder(struct build *b, const char *dest, struct shale_err *e)
{
    struct tar_unpack *u = NULL;
    _cleanup_close_ int view = open_view(b, e);
    int r = view < 0 ? view : fs_mkdir_p(AT_FDCWD, dest, 0755, e);
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

static int end(struct told *t, int r, const struct shale_err *why, struct shale_err *e)
{
    if (r < 0) {
        told_failed(t, why);
        return err_set(e, why->code, "%s", why->msg);
    }
    told_end(t, SHALE_BUILD_DONE);
    return 0;
}

int output_folders(struct build *b, struct shale_err *e)
{
    const char *const *list = b->o->files_to;
    int r = 0;

    for (; r >= 0 && list && *list; list++) {
        struct shale_err why = SHALE_ERR_INIT;
        struct told t;
        told_begin(b, &t, "exporting to a folder");
        r = end(&t, to_folder(b, *list, &why), &why, e);
    }
    return r;
}

/* ---- tars ---- */

static int write_fd(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return sys_write_all(*(int *)arg, p, n) < 0 ? err_sys(e, "write the tar") : 0;
}

static int write_parts(struct build *b, const char *dest, const struct export_part *v, size_t n,
                       struct shale_err *e)
{
    _cleanup_(outfile_clear) struct outfile out = OUTFILE_INIT;
    int fd = STDOUT_FILENO, r = 0;

    if (!streq(dest, "-")) {
        out.mode = 0666;
        r = outfile_open(&out, dest, e);
        fd = out.fd;
    }
    if (r >= 0)
        r = export_parts(v, n, write_fd, &fd, b->cancel, e);
    return r < 0 ? r : outfile_publish(&out, e);
}

static int to_tar(struct crew *c, const char *dest, struct shale_err *e)
{
    struct export_part *v = arena_array(c->v[0].a, c->n, sizeof *v);
    int r = v ? 0 : err_nomem(e);
    size_t n = 0;

    for (; r >= 0 && n < c->n; n += r >= 0) {
        v[n].folder = c->n > 1 ? build_folder_name(c->v[n].o, c->v[n].a) : "";
        r = v[n].root_fd = v[n].folder ? open_view(&c->v[n], e) : err_nomem(e);
    }
    if (r >= 0)
        r = write_parts(&c->v[0], dest, v, n, e);
    while (n > 0)
        close(v[--n].root_fd);
    return r;
}

int output_tars(struct crew *c, struct shale_err *e)
{
    const char *const *list = c->v[0].o->tar_to;
    int r = 0;

    for (; r >= 0 && list && *list; list++) {
        struct shale_err why = SHALE_ERR_INIT;
        struct told t;
        told_begin(&c->v[0], &t, "exporting to a tar");
        r = end(&t, to_tar(c, *list, &why), &why, e);
    }
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "image/cp.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "image/look_pack.h"
#include "tar/tar_place.h"
#include "tar/tar_unpack.h"

struct copy {
    struct look *l;
    struct cancel *cancel;
    tar_out_fn out;
    void *arg;
    uint64_t n_bytes;
};

static int count_out(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct copy *x = arg;

    x->n_bytes += n;
    return x->out(x->arg, p, n, e);
}

static int write_out(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return sys_write_all(*(const int *)arg, p, n) < 0 ? err_sys(e, "write the tar") : 0;
}

static int pack(struct copy *x, uint32_t node, const char *top, struct shale_err *e)
{
    struct look_pack *p = NULL;
    uint64_t n;
    int r = look_pack_new(x->l, count_out, x, x->cancel, &p, e);

    if (r >= 0)
        r = look_pack_tree(p, node, top, e);
    if (r >= 0)
        r = look_pack_end(p, &n, e);
    look_pack_free(p);
    return r;
}

static int unpack(struct copy *x, uint32_t node, const struct place_plan *plan, bool keep_owner,
                  struct shale_err *e)
{
    _cleanup_close_ int dir = fs_open_dir(AT_FDCWD, plan->dir, e);
    const struct tar_unpack_opts o = {.root_fd = dir,
                                      .dir = "",
                                      .shown = plan->dir,
                                      .keep_owner = keep_owner,
                                      .cancel = x->cancel};
    struct tar_unpack *u = NULL;
    int r = dir < 0 ? dir : tar_unpack_new(&o, &u, e);

    x->out = tar_unpack_feed;
    x->arg = u;
    if (r >= 0)
        r = pack(x, node, plan->top, e);
    if (r >= 0)
        r = tar_unpack_end(u, e);
    tar_unpack_free(u);
    return r;
}

static int copy(struct copy *x, const char *what, const char *path, const struct place *dst,
                const struct shale_cp_opts *o, struct arena *a, struct shale_err *e)
{
    const char *clean = place_clean(a, path), *name = clean ? place_base(a, clean) : NULL;
    struct place_plan plan;
    uint32_t node = TREE_ROOT;
    int fd = o->fd;

    if (!name)
        return err_nomem(e);
    int r = look_find(x->l, clean, o->follow_link, &node, e);
    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_NOT_FOUND, "Could not find the file %.300s in image %.100s", path,
                       what);
    if (r < 0)
        return r;
    if (!dst) {
        x->out = write_out;
        x->arg = &fd;
        return pack(x, node, name, e);
    }
    const struct place src = {clean, name, true, tree_is_dir(x->l->tree, node)};
    r = place_plan(&src, dst, a, &plan, e);
    return r < 0 ? r : unpack(x, node, &plan, o->keep_owner, e);
}

int image_cp_out(struct image_host *h, const char *what, const char *path, const char *to,
                 const struct shale_cp_opts *o, struct arena *a, struct shale_cp_result *ret,
                 struct shale_err *e)
{
    struct look l = LOOK_INIT;
    struct copy x = {.l = &l, .cancel = h->cancel};
    struct image_found found;
    struct place dst = {.path = "-"};
    int r = to ? place_local_dest(to, a, &dst, e) : 0;

    if (r >= 0)
        r = image_find_platform(h->store, what, o->platform, a, &found, e);
    if (r >= 0)
        r = look_open(h->store, &found.id, a, h->cancel, &l, e);
    if (r >= 0)
        r = copy(&x, what, path, to ? &dst : NULL, o, a, e);
    look_close(&l);
    if (r < 0)
        return r;
    *ret = (struct shale_cp_result){x.n_bytes, arena_strdup(a, dst.path)};
    return ret->to ? 0 : err_nomem(e);
}

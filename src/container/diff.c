/* SPDX-License-Identifier: Apache-2.0 */
/* `diff`: the changes of a container as a list. */
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "container/changes.h"
#include "container/ctr.h"

struct collected {
    struct arena *a;
    struct shale_change *v;
    size_t n, cap;
};

static int collect(void *arg, const struct change *c, struct shale_err *e)
{
    static const enum shale_change_kind kinds[] = {
        [CHANGE_CHANGED] = SHALE_CHANGED, [CHANGE_ADDED] = SHALE_ADDED, [CHANGE_GONE] = SHALE_GONE};
    struct collected *l = arg;
    struct shale_change *v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof *v);
    const char *path = v ? arena_printf(l->a, "/%s", c->path) : NULL;

    if (!path)
        return err_nomem(e);
    l->v = v;
    v[l->n++] = (struct shale_change){kinds[c->kind], path};
    return 0;
}

int container_diff(struct container_host *h, const char *container, struct arena *a,
                   struct shale_change_list *ret, struct shale_err *e)
{
    struct collected l = {.a = a};
    struct ctr c;
    int r = ctr_find(h, container, a, &c, e);

    if (r < 0)
        return r;
    const char *path = ctr_path(&c, a, "upper");
    if (!path)
        return err_nomem(e);
    _cleanup_close_ int upper = fs_open_dir(AT_FDCWD, path, NULL);
    if (upper < 0 && errno == ENOENT) /* never started */
        return 0;
    if (upper < 0)
        return err_sys(e, "%s", path);
    _cleanup_(lower_close) struct lower lower = LOWER_NONE;
    r = store_rootfs_lower(h->store, &c.row.image_id, h->cancel, &lower, e);
    if (r < 0)
        return r;
    r = changes_walk(upper, &lower, 0, collect, &l, h->cancel, e);
    ret->items = l.v;
    ret->n_items = l.n;
    return r;
}

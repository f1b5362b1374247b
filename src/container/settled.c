/* SPDX-License-Identifier: Apache-2.0 */
#include "container/settled.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mounts.h"
#include "base/str.h"

static int by_id(const void *x, const void *y)
{
    return strcmp(x, y);
}

static int add_mounted(struct settled *s, const char *id, struct shale_err *e)
{
    void *v = arena_grow(s->a, s->mounted, s->n_mounted, &s->cap_mounted, sizeof *s->mounted);

    if (!v)
        return err_nomem(e);
    s->mounted = v;
    memcpy(s->mounted[s->n_mounted], id, META_CONTAINER_ID_HEX);
    s->mounted[s->n_mounted++][META_CONTAINER_ID_HEX] = 0;
    return 0;
}

/* Whatever ends like the path of a container's root file system: by which way we reach the store
 * does not matter then, and one too many is only looked at. */
static int find_mounted(struct settled *s, const struct buf *b, struct shale_err *e)
{
    static const char begin[] = "/containers/", end[] = "/merged ";
    const size_t before = sizeof begin - 1 + META_CONTAINER_ID_HEX;
    const char *at = b->p, *all = b->p + b->n;

    while ((at = memmem(at, (size_t)(all - at), end, sizeof end - 1))) {
        if ((size_t)(at - b->p) >= before && memcmp(at - before, begin, sizeof begin - 1) == 0) {
            int r = add_mounted(s, at - META_CONTAINER_ID_HEX, e);
            if (r < 0)
                return r;
        }
        at += sizeof end - 1;
    }
    if (s->n_mounted)
        qsort(s->mounted, s->n_mounted, sizeof *s->mounted, by_id);
    return 0;
}

int settled_begin(struct settled *s, struct arena *a, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MOUNTS_MAX_BYTES);
    int r = mounts_read(&b, NULL);

    *s = (struct settled){.a = a, .sees_mounts = r >= 0 && b.n > 0};
    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    return s->sees_mounts ? find_mounted(s, &b, e) : 0;
}

bool settled_is(const struct settled *s, const struct meta_container *row)
{
    const char *state = row->run.state;

    return s->sees_mounts && !row->auto_remove &&
           (streq(state, CTR_EXITED) || streq(state, CTR_CREATED) || streq(state, CTR_DEAD)) &&
           (s->n_mounted == 0 ||
            !bsearch(row->id, s->mounted, s->n_mounted, sizeof *s->mounted, by_id));
}

int settled_put_off(struct settled *s, const char *id, size_t at, struct shale_err *e)
{
    struct settled_other *v = arena_grow(s->a, s->v, s->n, &s->cap, sizeof *v);

    if (!v)
        return err_nomem(e);
    s->v = v;
    v += s->n++;
    memcpy(v->id, id, sizeof v->id);
    v->at = at;
    return 0;
}

int settled_look(struct container_host *h, const struct settled_other *x, struct arena *a,
                 struct ctr *ret, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct meta_container row;
    int r = meta_container_get(store_meta(h->store), x->id, a, &row, &why);

    if (r == -SHALE_NOT_FOUND) /* somebody else has removed it just now */
        return 0;
    if (r < 0)
        return err_set(e, why.code, "%s", why.msg);
    r = ctr_of_row(h, &row, a, ret, e);
    if (r < 0)
        return r;
    return ctr_refresh(h, a, ret, NULL) != -SHALE_NOT_FOUND; /* its end removed it */
}

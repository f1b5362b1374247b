/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and names of an image whose bytes have arrived. */
#include "base/cleanup.h"
#include "base/str.h"
#include "image/copy.h"
#include "image/image_priv.h"

#define MAX_RACES 10 /* lost against removals of the same image */

static int add_rows(struct store *s, const struct copy_result *c, struct digest *id,
                    struct shale_err *e)
{
    int r = meta_begin(store_meta(s), e);

    if (r < 0)
        return r;
    r = store_image_add(s, &c->image, id, e);
    if (r >= 0 && !digest_eq(&c->image.digest, &c->target.digest))
        r = store_index_add(s, &c->target, e);
    return meta_end(store_meta(s), r, e);
}

/* A row without names, made by what then failed, would stay for ever. */
static void drop_nameless(struct store *s, const struct digest *id)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta_image_item item;

    if (meta_image_item(store_meta(s), id, &a, &item, NULL) >= 0 && item.n_tags == 0 &&
        item.n_digests == 0 && item.n_containers == 0 && item.n_children == 0)
        (void)meta_image_delete(store_meta(s), id, "pull", NULL);
}

bool image_runs_here(const struct platform *p)
{
    return !p->os || !*p->os || streq(p->os, "linux");
}

static int prepare(struct image_host *h, const struct platform *have, const struct digest *id,
                   struct shale_err *e)
{
    if (!image_runs_here(have))
        return 0;
    int r = store_rootfs_prepare(h->store, id, h->cancel, e);
    if (r == -SHALE_UNSUPPORTED ||
        r == -SHALE_DENIED) /* no driver works for this user: `run` will say so */
        return 0;
    return r;
}

/* Between its row and its name another process may remove the image, under the name it has there:
 * again, then. (What it consists of is leased.) */
static int add(struct image_host *h, const struct copy_result *c, bool to_run, image_name_fn names,
               void *arg, struct digest *ret_id, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = -SHALE_NOT_FOUND;

    *ret_id = c->config;
    for (int i = 0; r == -SHALE_NOT_FOUND && i < MAX_RACES; i++) {
        r = add_rows(h->store, c, ret_id, &why);
        if (r >= 0 && to_run)
            r = prepare(h, &c->platform, ret_id, &why);
        if (r >= 0)
            r = names(arg, &c->target.digest, ret_id, &why);
    }
    if (r < 0) {
        drop_nameless(h->store, ret_id);
        if (e)
            *e = why;
    }
    return r;
}

int image_add(struct image_host *h, const struct copy_result *c, bool to_run, image_name_fn names,
              void *arg, struct digest *ret_id, struct shale_err *e)
{
    return add(h, c, to_run, names, arg, ret_id, e);
}

/* Without one for this host: the first. */
static size_t choose(const struct copy_images *all, const struct platform *want)
{
    size_t best = all->n;

    for (size_t i = 0; i < all->n; i++) {
        const struct platform *p = &all->v[i].platform;
        if (platform_rank(want, p, false) >= 0 &&
            (best == all->n || platform_prefer(want, p, &all->v[best].platform, false) < 0))
            best = i;
    }
    return best == all->n ? 0 : best;
}

struct other {
    image_name_fn names;
    void *arg;
    const struct digest *target;
};

/* The index is the target of these, too, but its rows need to be made once only. */
static int name_other(void *arg, const struct digest *target, const struct digest *id,
                      struct shale_err *e)
{
    const struct other *o = arg;

    (void)target;
    return o->names(o->arg, o->target, id, e);
}

int image_add_whole(struct image_host *h, const struct copy_images *all,
                    const struct platform *want, image_name_fn others, image_name_fn names,
                    void *arg, struct digest *ret_id, struct shale_err *e)
{
    size_t chosen = choose(all, want);
    struct other o = {others, arg, &all->target.digest};
    struct digest other;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < all->n; i++)
        if (i != chosen)
            r = add(h, &all->v[i], false, name_other, &o, &other, e);
    if (r < 0)
        return r;
    struct copy_result c = all->v[chosen];
    c.target = all->target;
    return add(h, &c, true, names, arg, ret_id, e);
}

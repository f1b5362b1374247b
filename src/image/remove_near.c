/* SPDX-License-Identifier: Apache-2.0 */
/* The images that a removal may look at, before it does. */
#include "image/image_priv.h"
#include "image/remove_priv.h"

struct near {
    struct removal x;
    struct digest *v;
    size_t n, cap;
};

static int add(struct near *l, const struct digest *id, struct shale_err *e)
{
    for (size_t i = 0; i < l->n; i++)
        if (digest_eq(&l->v[i], id))
            return 0;
    struct digest *v = arena_grow(l->x.a, l->v, l->n, &l->cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    l->v = v;
    v[l->n++] = *id;
    return 0;
}

static int add_all(struct near *l, const struct meta_digests *ids, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ids->n; i++)
        r = add(l, &ids->v[i], e);
    return r;
}

/* Of other platforms, behind the same names. */
static int add_others(struct near *l, const struct digest *id, struct shale_err *e)
{
    struct meta_digests ids;
    struct names all = {0};
    int r = removal_names(&l->x, id, &all, e);

    for (size_t i = 0; r >= 0 && i < all.n; i++) {
        if (!digest_is_set(&all.v[i].target))
            continue;
        r = meta_repo_digest_get(l->x.m, NULL, &all.v[i].target, l->x.a, &ids, e);
        if (r >= 0)
            r = add_all(l, &ids, e);
    }
    return r;
}

/* All that was made from those that are there, then what each of all was made from. */
static int add_relatives(struct near *l, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < l->n; i++) {
        struct meta_digests children;
        r = meta_image_children(l->x.m, &l->v[i], l->x.a, &children, e);
        if (r >= 0)
            r = add_all(l, &children, e);
    }
    for (size_t i = 0; r >= 0 && i < l->n; i++) {
        struct meta_image row;
        r = meta_image_get(l->x.m, &l->v[i], l->x.a, &row, e);
        if (r == -SHALE_NOT_FOUND)
            r = 0;
        else if (r >= 0 && digest_is_set(&row.parent))
            r = add(l, &row.parent, e);
    }
    return r;
}

int image_removal_near(struct image_host *h, const char *what, const struct shale_rmi_opts *o,
                       struct arena *a, struct meta_digests *ret, struct shale_err *e)
{
    struct near l = {.x = {.s = h->store, .m = store_meta(h->store), .a = a, .o = o}};
    struct image_found found = {.by_id = false};
    int r = image_find(h->store, what, a, &found, e);

    if (r >= 0)
        r = add(&l, &found.id, e);
    if (r >= 0 && o->platform && *o->platform)
        r = image_find_platform(h->store, what, o->platform, a, &found, e);
    if (r >= 0)
        r = add(&l, &found.id, e);
    for (size_t i = 0, n = l.n; r >= 0 && i < n; i++)
        r = add_others(&l, &l.v[i], e);
    if (r >= 0)
        r = add_relatives(&l, e);
    if (r >= 0)
        *ret = (struct meta_digests){l.v, l.n};
    return r < 0 ? r : 0;
}

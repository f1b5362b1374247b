/* SPDX-License-Identifier: Apache-2.0 */
/* `system df`: which bytes an image has for itself. */
#include <stdlib.h>
#include <string.h>

#include "image/image_priv.h"

struct use { /* of a layer by an image */
    const struct digest *diff_id;
    size_t image;
};
struct uses {
    struct use *v;
    size_t n, cap;
};

static int by_layer(const void *x, const void *y)
{
    const struct use *a = x, *b = y;
    int d = strcmp(a->diff_id->s, b->diff_id->s);

    return d ? d : (a->image > b->image) - (a->image < b->image);
}

static int collect(struct store *s, const struct shale_df_image *v, size_t n, struct arena *a,
                   struct uses *u, struct shale_err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct meta_image_layer *layers = NULL;
        size_t n_layers = 0;
        struct digest id;
        int r = digest_parse(v[i].image.id, &id, e);
        if (r >= 0)
            r = meta_image_layers(store_meta(s), &id, a, &layers, &n_layers, e);
        if (r < 0)
            return r;
        for (size_t k = 0; k < n_layers; k++) {
            struct use *grown = arena_grow(a, u->v, u->n, &u->cap, sizeof *grown);
            if (!grown)
                return err_nomem(e);
            u->v = grown;
            u->v[u->n++] = (struct use){&layers[k].diff_id, i};
        }
    }
    if (u->n)
        qsort(u->v, u->n, sizeof *u->v, by_layer);
    return 0;
}

/* A layer that one image has, be it several times, is its own. */
static int share_out(struct store *s, const struct uses *u, struct shale_df_image *v,
                     struct shale_err *e)
{
    for (size_t i = 0, end; i < u->n; i = end) {
        struct meta_layer row = {0};
        end = i + 1;
        while (end < u->n && digest_eq(u->v[end].diff_id, u->v[i].diff_id))
            end++;
        if (u->v[end - 1].image != u->v[i].image)
            continue;
        int r = meta_layer_get(store_meta(s), u->v[i].diff_id, &row, e);
        if (r < 0 && r != -SHALE_NOT_FOUND)
            return r;
        v[u->v[i].image].unique_bytes += row.content_bytes * (end - i);
    }
    return 0;
}

static int add_layer(void *arg, const struct meta_layer *l)
{
    *(uint64_t *)arg += l->content_bytes;
    return 0;
}

int image_df(struct image_host *h, struct arena *a, struct shale_df *ret, struct shale_err *e)
{
    struct shale_images_opts o = {.size = sizeof o, .all_platforms = true};
    struct shale_image_list list = {0};
    struct uses u = {0};
    int r = image_list(h, &o, a, &list, e);

    if (r < 0)
        return r;
    struct shale_df_image *v = arena_array(a, list.n_items + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < list.n_items; i++)
        v[i].image = list.items[i];
    r = collect(h->store, v, list.n_items, a, &u, e);
    if (r >= 0)
        r = share_out(h->store, &u, v, e);
    if (r >= 0)
        r = meta_layer_each(store_meta(h->store), add_layer, &ret->layers_bytes, e);
    ret->images = v;
    ret->n_images = list.n_items;
    return r;
}

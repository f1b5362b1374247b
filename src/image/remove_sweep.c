/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of images that were removed. A sweep of the whole store takes as long as the store is
 * large; in one with many other images only what the removed ones had is looked at. */
#include "image/image_priv.h"
#include "image/remove_priv.h"

#define SMALL_STORE 256 /* images: all of it is swept in a few milliseconds */
#define MANY_TIMES  4   /* more images than went: they are looked at one by one */

static int add(struct removal *x, struct meta_digests *l, size_t *cap, const struct digest *d,
               struct shale_err *e)
{
    struct digest *v;

    if (x->sweep_all || !digest_is_set(d))
        return 0;
    v = arena_grow(x->a, l->v, l->n, cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    l->v = v;
    v[l->n++] = *d;
    return 0;
}

int removal_seed_blob(struct removal *x, const struct digest *d, struct shale_err *e)
{
    return add(x, &x->seeds.blobs, &x->cap_blobs, d, e);
}

static int add_stack(struct removal *x, const struct rootfs_layer *l, size_t depth,
                     struct shale_err *e)
{
    struct store_gc_seeds *s = &x->seeds;
    struct sweep_stack *v = arena_grow(x->a, s->stacks, s->n_stacks, &x->cap_stacks, sizeof *v);

    if (!v)
        return err_nomem(e);
    s->stacks = v;
    v[s->n_stacks++] = (struct sweep_stack){l->chain_id, l->diff_id, depth};
    return 0;
}

int removal_seed_image(struct removal *x, const struct digest *id,
                       const struct meta_image_layer *layers, const struct rootfs_image *img,
                       struct shale_err *e)
{
    struct meta_image row;

    x->n_images++;
    if (x->sweep_all)
        return 0;
    int r = removal_row(x, id, &row, e);
    if (r >= 0)
        r = removal_seed_blob(x, id, e);
    if (r >= 0)
        r = removal_seed_blob(x, &row.manifest, e);
    for (size_t i = 0; r >= 0 && i < img->n_layers; i++) {
        r = removal_seed_blob(x, &layers[i].blob, e);
        if (r >= 0)
            r = add(x, &x->seeds.layers, &x->cap_layers, &layers[i].diff_id, e);
        if (r >= 0)
            r = add_stack(x, &img->layers[i], i + 1, e);
    }
    return r;
}

int removal_sweep(struct removal *x, bool dry, uint64_t *ret_freed, struct shale_err *e)
{
    int near =
        x->sweep_all ? 0 : meta_image_more_than(x->m, SMALL_STORE + MANY_TIMES * x->n_images, e);

    if (near < 0)
        return near;
    if (near)
        return store_gc_near(x->s, &x->seeds, dry, ret_freed, e);
    return dry ? store_gc_preview(x->s, ret_freed, e) : store_gc(x->s, ret_freed, e);
}

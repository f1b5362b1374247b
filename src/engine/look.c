/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/look.h> */
#include <shale/look.h>

#include "base/cleanup.h"
#include "engine/engine_priv.h"

#define ARENA_BYTES      (64u << 20)
#define FIND_ARENA_BYTES (512u << 20) /* every image of the store, as it is listed */

int shale_ls(struct shale *s, const char *image, const char *path, const struct shale_ls_opts *opts,
             struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct image_host h = engine_image_host(s);
    struct shale_ls_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return image_ls(&h, image, path, &o, &a, e);
}

int shale_cat(struct shale *s, const char *image, const char *const *paths, size_t n_paths,
              const struct shale_cat_opts *opts, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct image_host h = engine_image_host(s);
    struct shale_cat_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return image_cat(&h, image, paths, n_paths, &o, &a, e);
}

int shale_layer_uses(struct shale *s, const char *image, const char *platform,
                     struct shale_layer_uses **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct arena *a;
    struct shale_layer_uses *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(image_layer_uses(&h, image, platform, a, res, e), res, ret);
}

int shale_image_diff(struct shale *s, const char *image_a, const char *image_b,
                     const struct shale_image_diff_opts *opts, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct image_host h = engine_image_host(s);
    struct shale_image_diff_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return image_diff(&h, image_a, image_b, &o, &a, e);
}

int shale_look_for(struct shale *s, const struct shale_look_for_opts *opts,
                   struct shale_look_for_result *ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(FIND_ARENA_BYTES);
    struct image_host h = engine_image_host(s);
    struct shale_look_for_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return image_look_for(&h, &o, &a, ret, e);
}

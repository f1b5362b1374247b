/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/look.h> */
#include <shale/look.h>

#include "base/cleanup.h"
#include "engine/engine_priv.h"
#include "image/look_remote.h"

#define ARENA_BYTES      (64u << 20)
#define FIND_ARENA_BYTES (512u << 20) /* every image of the store, as it is listed */

/* With the registry client where the image is there. */
static int take_host(struct shale *s, bool remote, struct image_host *ret, struct shale_err *e)
{
    if (remote)
        return engine_remote_host(s, ret, e);
    *ret = engine_image_host(s);
    return 0;
}

int shale_ls(struct shale *s, const char *image, const char *const *paths, size_t n_paths,
             const struct shale_ls_opts *opts, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct image_host h;
    struct shale_ls_opts o;

    engine_take_opts(&o, sizeof o, opts);
    int r = take_host(s, o.remote || look_remote_name(image), &h, e);
    return r < 0 ? r : image_ls(&h, image, paths, n_paths, &o, &a, e);
}

int shale_cat(struct shale *s, const char *image, const char *const *paths, size_t n_paths,
              const struct shale_cat_opts *opts, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct image_host h;
    struct shale_cat_opts o;

    engine_take_opts(&o, sizeof o, opts);
    int r = take_host(s, o.remote || look_remote_name(image), &h, e);
    return r < 0 ? r : image_cat(&h, image, paths, n_paths, &o, &a, e);
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
    struct image_host h;
    struct shale_image_diff_opts o;

    engine_take_opts(&o, sizeof o, opts);
    bool remote = o.remote || look_remote_name(image_a) || look_remote_name(image_b);
    int r = take_host(s, remote, &h, e);
    return r < 0 ? r : image_diff(&h, image_a, image_b, &o, &a, e);
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

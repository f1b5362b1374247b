/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/archive.h> */
#include <shale/archive.h>

#include "engine/engine_priv.h"
#include "image/archives.h"

int shale_save(struct shale *s, const char *const *images, size_t n_images,
               const struct shale_save_opts *opts, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct shale_save_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return image_save(&h, images, n_images, &o, e);
}

int shale_load(struct shale *s, const struct shale_load_opts *opts, struct shale_load_result **ret,
               struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct shale_load_opts o;
    struct arena *a;
    struct shale_load_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(image_load(&h, &o, a, res, e), res, ret);
}

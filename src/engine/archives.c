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
    int r = image_save(&h, images, n_images, &o, e);
    return r < 0 ? r : 0;
}

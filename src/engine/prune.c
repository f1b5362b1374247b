/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/prune.h> */
#include <shale/prune.h>

#include "engine/engine_priv.h"

int shale_image_prune(struct shale *s, const struct shale_image_prune_opts *opts,
                      struct shale_rmi_result **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct shale_image_prune_opts o;
    struct arena *a;
    struct shale_rmi_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(image_prune(&h, &o, a, res, e), res, ret);
}

int shale_image_pin(struct shale *s, const char *image, bool pinned, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    int r = image_pin(&h, image, pinned, e);

    return r < 0 ? r : 0;
}

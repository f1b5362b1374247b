/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/flat.h> */
#include <shale/flat.h>

#include "engine/engine_priv.h"
#include "image/archives.h"

int shale_import(struct shale *s, const struct shale_import_opts *opts, struct shale_imported **ret,
                 struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct shale_import_opts o;
    struct arena *a;
    struct shale_imported *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(image_import(&h, &o, a, res, e), res, ret);
}

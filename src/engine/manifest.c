/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/manifest.h> */
#include <shale/manifest.h>

#include "engine/engine_priv.h"
#include "image/remote.h"

int shale_manifest_get(struct shale *s, const char *ref, struct shale_manifest **ret,
                       struct shale_err *e)
{
    struct image_host h;
    struct arena *a;
    struct shale_manifest *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_manifest_get(&h, ref, a, res, e);
    return result_end(r, res, ret);
}

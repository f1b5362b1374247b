/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/tag_history.h> */
#include <shale/tag_history.h>
#include <string.h>

#include "engine/engine_priv.h"

int shale_tag_history(struct shale *s, const char *name, struct shale_tag_history **ret,
                      struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct arena *a;
    struct shale_tag_history *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(image_tag_history(&h, name, a, res, e), res, ret);
}

int shale_tag_restore(struct shale *s, const char *entry, char **ret_id, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct digest d = {""};
    struct arena *a;
    char *res = result_new(DIGEST_MAX, &a);

    if (!res)
        return err_nomem(e);
    int r = image_tag_restore(&h, entry, &d, e);
    memcpy(res, d.s, sizeof d.s);
    return result_end(r, res, ret_id);
}

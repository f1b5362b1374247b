/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/explain.h> */
#include <shale/explain.h>

#include "container/life.h"
#include "engine/engine_priv.h"

int shale_rmi_explain(struct shale *s, const char *image, const struct shale_rmi_opts *opts,
                      struct shale_rmi_explained **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct container_host ch = engine_container_host(s);
    struct shale_rmi_opts o;
    struct arena *a;
    struct shale_rmi_explained *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    (void)container_refresh_users(&ch, &h, image, &o, NULL);
    int r = image_explain(&h, image, &o, a, res, e);
    for (size_t i = 0; r >= 0 && i < res->n_blockers; i++) {
        const struct shale_blocker *b = &res->blockers[i];
        if (b->kind == SHALE_BLOCKER_RUNNING || b->kind == SHALE_BLOCKER_STOPPED)
            res->total_bytes += container_written_bytes(&ch, b->id, a);
    }
    for (size_t i = 0; r >= 0 && i < res->n_items; i++)
        if (res->items[i].kind == SHALE_REMOVED_CONTAINER)
            res->freed_bytes += container_written_bytes(&ch, res->items[i].what, a);
    return result_end(r, res, ret);
}

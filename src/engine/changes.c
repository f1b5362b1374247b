/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/changes.h> */
#include "engine/engine_priv.h"

int shale_diff(struct shale *s, const char *container, struct shale_change_list **ret,
               struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct arena *a;
    struct shale_change_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(container_diff(&h, container, a, res, e), res, ret);
}

int shale_commit(struct shale *s, const char *container, const struct shale_commit_opts *opts,
                 struct shale_committed **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_commit_opts o;
    struct arena *a;
    struct shale_committed *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(container_commit(&h, container, &o, a, res, e), res, ret);
}

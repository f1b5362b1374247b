/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/volume.h> */
#include "container/volume.h"

#include "engine/engine_priv.h"

int shale_volume_create(struct shale *s, const struct shale_volume_create_opts *opts,
                        struct shale_volume **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_volume_create_opts o;
    struct arena *a;
    struct shale_volume *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(volume_create(&h, &o, a, res, e), res, ret);
}

int shale_volume_ls(struct shale *s, const struct shale_volume_ls_opts *opts,
                    struct shale_volume_list **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_volume_ls_opts o;
    struct arena *a;
    struct shale_volume_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(volume_ls(&h, &o, a, res, e), res, ret);
}

int shale_volume_inspect(struct shale *s, const char *name, struct shale_volume **ret,
                         struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct arena *a;
    struct shale_volume *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(volume_inspect(&h, name, a, res, e), res, ret);
}

int shale_volume_rm(struct shale *s, const char *name, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return volume_rm(&h, name, e);
}

int shale_volume_prune(struct shale *s, const struct shale_volume_prune_opts *opts,
                       struct shale_volume_pruned **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_volume_prune_opts o;
    struct arena *a;
    struct shale_volume_pruned *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(volume_prune(&h, &o, a, res, e), res, ret);
}

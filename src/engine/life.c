/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/life.h> */
#include "container/life.h"

#include "engine/engine_priv.h"

int shale_rename(struct shale *s, const char *container, const char *name, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_rename(&h, container, name, e);
}

int shale_restart(struct shale *s, const char *container, const char *signal, int64_t timeout_s,
                  struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_restart(&h, container, signal, timeout_s, e);
}

int shale_pause(struct shale *s, const char *container, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_pause(&h, container, e);
}

int shale_unpause(struct shale *s, const char *container, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_unpause(&h, container, e);
}

int shale_top(struct shale *s, const char *container, const char *const *ps_args,
              struct shale_top **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct arena *a;
    struct shale_top *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(container_top(&h, container, ps_args, a, res, e), res, ret);
}

int shale_container_prune(struct shale *s, const struct shale_container_prune_opts *opts,
                          struct shale_container_pruned **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_container_prune_opts o;
    struct arena *a;
    struct shale_container_pruned *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(container_prune(&h, &o, a, res, e), res, ret);
}

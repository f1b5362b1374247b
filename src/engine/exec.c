/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/exec.h> */
#include <shale/exec.h>

#include "engine/engine_priv.h"

int shale_exec_create(struct shale *s, const char *container, const struct shale_exec_opts *opts,
                      const struct shale_exec_streams *streams, struct shale_exec_made **ret,
                      struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_exec_opts o;
    struct arena *a;
    struct shale_exec_made *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(container_exec_create(&h, container, &o, streams, a, res, e), res, ret);
}

int shale_exec_start(struct shale *s, const char *exec, const struct shale_exec_start_opts *opts,
                     int *ret_status, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_exec_start_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return container_exec_start(&h, exec, &o, ret_status, e);
}

int shale_exec_inspect(struct shale *s, const char *exec, struct shale_exec_info **ret,
                       struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct arena *a;
    struct shale_exec_info *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(container_exec_inspect(&h, exec, a, res, e), res, ret);
}

int shale_exec_resize(struct shale *s, const char *exec, uint16_t rows, uint16_t columns,
                      struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_exec_resize(&h, exec, rows, columns, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/container.h> */
#include <unistd.h>

#include "container/pswatch.h"
#include "engine/engine_priv.h"

/* Before anything is made: what could never be started is not created either. */
static int need_root(struct shale_err *e)
{
    return geteuid() == 0
               ? 0
               : err_set(e, SHALE_UNSUPPORTED,
                         "containers need root, or user namespaces, which this host does not let "
                         "users have (images can be pulled, listed and inspected without)");
}

int shale_create(struct shale *s, const struct shale_create_opts *opts, struct shale_created **ret,
                 struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_create_opts o;
    struct arena *a;
    struct shale_created *res;
    int r = need_root(e);

    if (r < 0)
        return r;
    res = result_new(sizeof *res, &a);
    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(container_create(&h, &o, a, res, e), res, ret);
}

int shale_start(struct shale *s, const char *container, const struct shale_attach_opts *attach,
                int *ret_status, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_attach_opts o;
    int r = need_root(e);

    if (r < 0)
        return r;
    engine_take_opts(&o, sizeof o, attach);
    return container_start(&h, container, attach ? &o : NULL, ret_status, e);
}

int shale_attach(struct shale *s, const char *container, const struct shale_attach_opts *opts,
                 int *ret_status, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_attach_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return container_attach(&h, container, &o, ret_status, e);
}

int shale_resize(struct shale *s, const char *container, uint16_t rows, uint16_t columns,
                 struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_resize(&h, container, rows, columns, e);
}

int shale_stop(struct shale *s, const char *container, const char *signal, int64_t timeout_s,
               struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_stop(&h, container, signal, timeout_s, e);
}

int shale_kill(struct shale *s, const char *container, const char *signal, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_kill(&h, container, signal, e);
}

int shale_wait(struct shale *s, const char *container, int *ret_status, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_wait(&h, container, ret_status, e);
}

int shale_wait_until(struct shale *s, const char *container, const struct shale_wait_opts *opts,
                     int *ret_status, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_wait_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return container_wait_until(&h, container, &o, ret_status, e);
}

int shale_rm(struct shale *s, const char *container, const struct shale_rm_opts *opts,
             struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_rm_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return container_rm(&h, container, &o, e);
}

int shale_exec(struct shale *s, const char *container, const struct shale_exec_opts *opts,
               int *ret_status, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_exec_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return container_exec(&h, container, &o, ret_status, e);
}

int shale_logs(struct shale *s, const char *container, const struct shale_logs_opts *opts,
               struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_logs_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return container_logs(&h, container, &o, e);
}

int shale_ps(struct shale *s, const struct shale_ps_opts *opts, struct shale_container_list **ret,
             struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_ps_opts o;
    struct arena *a;
    struct shale_container_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(container_ps(&h, &o, a, res, e), res, ret);
}

bool shale_ps_is_true(const struct shale_container_list *l)
{
    return !l->watch || pswatch_is_true(l->watch);
}

int shale_container_inspect(struct shale *s, const char *container, bool with_size,
                            struct shale_container **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct arena *a;
    struct shale_container *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(container_inspect(&h, container, with_size, a, res, e), res, ret);
}

int shale_container_cleanup(struct shale *s, const char *container, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_cleanup(&h, container, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/keep.h> */
#include <shale/keep.h>

#include "container/portproxy.h"
#include "engine/engine_priv.h"

int shale_start_by_policy(struct shale *s, struct shale_policy_starts **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct arena *a;
    struct shale_policy_starts *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(container_start_by_policy(&h, a, res, e), res, ret);
}

int shale_container_keep(struct shale *s, const char *id, int ready_fd, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_keep(&h, id, ready_fd, e);
}

int shale_container_keep_exec(struct shale *s, const char *id, const char *exec_id, int ready_fd,
                              struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_keep_exec(&h, id, exec_id, ready_fd, e);
}

int shale_container_watch(struct shale *s, const char *id, int ready_fd, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return container_watch(&h, id, ready_fd, e);
}

int shale_container_carry_ports(const char *pidfile, const struct shale_carried_port *v, size_t n,
                                struct shale_err *e)
{
    return portproxy_run(pidfile, v, n, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/network.h> */
#include "container/network.h"

#include "engine/engine_priv.h"

int shale_network_create(struct shale *s, const struct shale_network_create_opts *opts,
                         struct shale_network **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_network_create_opts o;
    struct arena *a;
    struct shale_network *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(network_create(&h, &o, a, res, e), res, ret);
}

int shale_network_ls(struct shale *s, const struct shale_network_ls_opts *opts,
                     struct shale_network_list **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_network_ls_opts o;
    struct arena *a;
    struct shale_network_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(network_ls(&h, &o, a, res, e), res, ret);
}

int shale_network_inspect(struct shale *s, const char *network, struct shale_network **ret,
                          struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct arena *a;
    struct shale_network *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(network_inspect(&h, network, a, res, e), res, ret);
}

int shale_network_rm(struct shale *s, const char *network, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return network_rm(&h, network, e);
}

int shale_network_prune(struct shale *s, const struct shale_network_prune_opts *opts,
                        struct shale_network_pruned **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_network_prune_opts o;
    struct arena *a;
    struct shale_network_pruned *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(network_prune(&h, &o, a, res, e), res, ret);
}

int shale_network_connect(struct shale *s, const char *network, const char *container,
                          const struct shale_network_connect_opts *opts, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    struct shale_network_connect_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return network_connect(&h, network, container, &o, e);
}

int shale_network_disconnect(struct shale *s, const char *network, const char *container,
                             struct shale_err *e)
{
    struct container_host h = engine_container_host(s);

    return network_disconnect(&h, network, container, e);
}

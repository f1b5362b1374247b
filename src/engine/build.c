/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/build.h> */
#include <shale/build.h>

#include "build/build.h"
#include "engine/engine_priv.h"

static int online(void *arg, struct remote_client **ret, struct shale_err *e)
{
    struct image_host h = {.remote = NULL};
    int r = engine_remote_host(arg, &h, e);

    *ret = h.remote;
    return r;
}

static struct build_host host_of(struct shale *s)
{
    return (struct build_host){.container = engine_container_host(s),
                               .image = engine_image_host(s),
                               .online = online,
                               .online_arg = s,
                               .version = shale_version()};
}

int shale_build(struct shale *s, const struct shale_build_opts *opts, struct shale_built **ret,
                struct shale_err *e)
{
    struct build_host h = host_of(s);
    struct shale_build_opts o;
    struct arena *a;
    struct shale_built *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(build_run(&h, &o, a, res, e), res, ret);
}

int shale_build_check(struct shale *s, const struct shale_build_opts *opts,
                      struct shale_build_findings **ret, struct shale_err *e)
{
    struct build_host h = host_of(s);
    struct shale_build_opts o;
    struct arena *a;
    struct shale_build_findings *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(build_check(&h, &o, a, res, e), res, ret);
}

int shale_build_outline(struct shale *s, const struct shale_build_opts *opts,
                        struct shale_build_outline **ret, struct shale_err *e)
{
    struct build_host h = host_of(s);
    struct shale_build_opts o;
    struct arena *a;
    struct shale_build_outline *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(build_outline(&h, &o, a, res, e), res, ret);
}

int shale_build_cache(struct shale *s, struct shale_build_cache **ret, struct shale_err *e)
{
    struct build_host h = host_of(s);
    struct arena *a;
    struct shale_build_cache *res = result_new(sizeof *res, &a);

    return res ? result_end(build_cache_list(&h, a, res, e), res, ret) : err_nomem(e);
}

int shale_build_prune(struct shale *s, const struct shale_build_prune_opts *opts,
                      struct shale_build_pruned **ret, struct shale_err *e)
{
    struct build_host h = host_of(s);
    struct shale_build_prune_opts o;
    struct arena *a;
    struct shale_build_pruned *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(build_cache_prune(&h, &o, a, res, e), res, ret);
}

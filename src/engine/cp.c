/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/cp.h> */
#include "container/cp.h"

#include <string.h>

#include "engine/engine_priv.h"

/* "CONTAINER:PATH" at its first colon: no name of a container has one. */
static int split(const char *text, struct arena *a, const char **ret_name, const char **ret_path,
                 struct shale_err *e)
{
    const char *colon = text ? strchr(text, ':') : NULL;

    if (!colon || colon == text)
        return err_set(e, SHALE_INVALID, "\"%.300s\" is not CONTAINER:PATH", text ? text : "");
    *ret_name = arena_strndup(a, text, (size_t)(colon - text));
    *ret_path = arena_strdup(a, colon + 1);
    return *ret_name && *ret_path ? 0 : err_nomem(e);
}

int shale_cp_out(struct shale *s, const char *from, const char *to,
                 const struct shale_cp_opts *opts, struct shale_cp_result **ret,
                 struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    const char *name = NULL, *path = NULL;
    struct shale_cp_opts o;
    struct arena *a;
    struct shale_cp_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = split(from, a, &name, &path, e);
    if (r >= 0)
        r = container_cp_out(&h, name, path, to, &o, a, res, e);
    return result_end(r, res, ret);
}

int shale_cp_in(struct shale *s, const char *from, const char *to, const struct shale_cp_opts *opts,
                struct shale_cp_result **ret, struct shale_err *e)
{
    struct container_host h = engine_container_host(s);
    const char *name = NULL, *path = NULL;
    struct shale_cp_opts o;
    struct arena *a;
    struct shale_cp_result *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = split(to, a, &name, &path, e);
    if (r >= 0)
        r = container_cp_in(&h, from, name, path, &o, a, res, e);
    return result_end(r, res, ret);
}

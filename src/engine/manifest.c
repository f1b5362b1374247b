/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/manifest.h> */
#include <shale/manifest.h>

#include "base/cleanup.h"
#include "engine/engine_priv.h"
#include "image/manifests.h"

int shale_manifest_get(struct shale *s, const char *ref, struct shale_manifest **ret,
                       struct shale_err *e)
{
    struct image_host h;
    struct arena *a;
    struct shale_manifest *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_manifest_get(&h, ref, a, res, e);
    return result_end(r, res, ret);
}

int shale_manifest_members(struct shale *s, const char *ref, struct shale_list **ret,
                           struct shale_err *e)
{
    struct image_host h;
    struct arena *a;
    struct shale_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_manifest_members(&h, ref, a, res, e);
    return result_end(r, res, ret);
}

int shale_list_create(struct shale *s, const char *name, const char *const *refs, size_t n_refs,
                      const struct shale_list_create_opts *opts, struct shale_list **ret,
                      struct shale_err *e)
{
    struct shale_list_create_opts o;
    struct image_host h;
    struct arena *a;
    struct shale_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_list_create(&h, name, refs, n_refs, &o, a, res, e);
    return result_end(r, res, ret);
}

int shale_list_annotate(struct shale *s, const char *name, const char *ref,
                        const struct shale_list_annotate_opts *opts, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct image_host h = engine_image_host(s);
    struct shale_list_annotate_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return image_list_annotate(&h, name, ref, &o, &a, e);
}

int shale_list_get(struct shale *s, const char *name, const char *ref, struct shale_list **ret,
                   struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct arena *a;
    struct shale_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    return result_end(image_list_get(&h, name, ref, a, res, e), res, ret);
}

int shale_list_push(struct shale *s, const char *name, const struct shale_list_push_opts *opts,
                    struct shale_list_pushed **ret, struct shale_err *e)
{
    struct shale_list_push_opts o;
    struct image_host h;
    struct arena *a;
    struct shale_list_pushed *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_list_push(&h, name, &o, a, res, e);
    return result_end(r, res, ret);
}

int shale_list_remove(struct shale *s, const char *name, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct image_host h = engine_image_host(s);

    return image_list_remove(&h, name, &a, e);
}

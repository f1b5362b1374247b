/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/remote.h> */
#include "image/remote.h"

#include "engine/engine_priv.h"

int shale_remote_tags(struct shale *s, const char *repo, const struct shale_tags_opts *opts,
                      struct shale_remote_tags **ret, struct shale_err *e)
{
    struct shale_tags_opts o;
    struct image_host h;
    struct arena *a;
    struct shale_remote_tags *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_remote_tags(&h, repo, &o, a, res, e);
    return result_end(r, res, ret);
}

int shale_remote_resolve(struct shale *s, const char *const *refs, size_t n_refs,
                         const struct shale_resolve_opts *opts, struct shale_resolved_list **ret,
                         struct shale_err *e)
{
    struct shale_resolve_opts o;
    struct image_host h;
    struct arena *a;
    struct shale_resolved_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_remote_resolve(&h, refs, n_refs, &o, a, res, e);
    return result_end(r, res, ret);
}

int shale_remote_delete(struct shale *s, const char *const *refs, size_t n_refs,
                        const struct shale_remote_delete_opts *opts,
                        struct shale_deleted_list **ret, struct shale_err *e)
{
    struct shale_remote_delete_opts o;
    struct image_host h;
    struct arena *a;
    struct shale_deleted_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_remote_delete(&h, refs, n_refs, &o, a, res, e);
    return result_end(r, res, ret);
}

int shale_remote_copy(struct shale *s, const char *const *from, size_t n_from, const char *to,
                      const struct shale_copy_opts *opts, struct shale_copied_list **ret,
                      struct shale_err *e)
{
    struct shale_copy_opts o;
    struct image_host h;
    struct arena *a;
    struct shale_copied_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_remote_copy(&h, from, n_from, to, &o, a, res, e);
    return result_end(r, res, ret);
}

int shale_outdated(struct shale *s, const char *const *refs, size_t n_refs,
                   const struct shale_outdated_opts *opts, struct shale_outdated_list **ret,
                   struct shale_err *e)
{
    struct shale_outdated_opts o;
    struct image_host h;
    struct arena *a;
    struct shale_outdated_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = engine_remote_host(s, &h, e);
    if (r >= 0)
        r = image_outdated(&h, refs, n_refs, &o, a, res, e);
    return result_end(r, res, ret);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/edit.h> */
#include <shale/edit.h>

#include "engine/engine_priv.h"
#include "image/edit.h"

int shale_edit(struct shale *s, const char *image, const struct shale_edit_opts *opts,
               struct shale_edited **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct shale_edit_opts o;
    struct arena *a;
    struct shale_edited *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(image_edit(&h, image, &o, a, res, e), res, ret);
}

int shale_rebase(struct shale *s, const char *image, const struct shale_rebase_opts *opts,
                 struct shale_edited **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct shale_rebase_opts o;
    struct arena *a;
    struct shale_edited *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(image_rebase(&h, image, &o, a, res, e), res, ret);
}

int shale_squash(struct shale *s, const char *image, const struct shale_squash_opts *opts,
                 struct shale_edited **ret, struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct shale_squash_opts o;
    struct arena *a;
    struct shale_edited *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    return result_end(image_squash(&h, image, &o, a, res, e), res, ret);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/flat.h> */
#include <shale/flat.h>

#include "base/cleanup.h"
#include "engine/engine_priv.h"
#include "image/archives.h"
#include "remote/get.h"

int shale_import(struct shale *s, const struct shale_import_opts *opts, struct shale_imported **ret,
                 struct shale_err *e)
{
    struct image_host h = engine_image_host(s);
    struct shale_import_opts o;
    struct arena *a;
    struct shale_imported *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = o.input && remote_is_url(o.input) ? engine_remote_host(s, &h, e) : 0;
    return result_end(r < 0 ? r : image_import(&h, &o, a, res, e), res, ret);
}

int shale_export(struct shale *s, const char *container, const struct shale_export_opts *opts,
                 struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(64 << 20);
    struct container_host h = engine_container_host(s);
    struct shale_export_opts o;

    engine_take_opts(&o, sizeof o, opts);
    return container_export(&h, container, &o, &a, e);
}

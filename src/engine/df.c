/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/df.h> */
#include <shale/df.h>

#include <fcntl.h>

#include "base/fs.h"
#include "build/build.h"
#include "container/volume.h"
#include "engine/engine_priv.h"

static int add_containers(struct container_host *h, struct arena *a, struct shale_df *ret,
                          struct shale_err *e)
{
    struct shale_ps_opts o = {.size = sizeof o, .all = true, .with_size = true};
    struct shale_container_list list = {0};
    int r = container_ps(h, &o, a, &list, e);

    if (r < 0)
        return r;
    struct shale_container *v = arena_array(a, list.n_items + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < list.n_items; i++) {
        v[i] = list.items[i];
        v[i].size_root_bytes = -1; /* the image is counted with the images */
    }
    ret->containers = v;
    ret->n_containers = list.n_items;
    return 0;
}

static int add_volumes(struct container_host *h, struct arena *a, struct shale_df *ret,
                       struct shale_err *e)
{
    struct shale_volume_ls_opts o = {.size = sizeof o};
    struct shale_volume_list list = {0};
    int r = volume_ls(h, &o, a, &list, e);

    if (r < 0)
        return r;
    struct shale_df_volume *v = arena_array(a, list.n_items + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < list.n_items; i++) {
        v[i].volume = list.items[i];
        r = fs_disk_usage(AT_FDCWD, v[i].volume.mountpoint, &v[i].size_bytes, e);
    }
    ret->volumes = v;
    ret->n_volumes = list.n_items;
    return r;
}

static int add_parts(struct shale *s, struct arena *a, struct shale_df *ret, struct shale_err *e)
{
    struct store_part *part = arena_array(a, STORE_PARTS, sizeof *part);
    struct shale_df_part *v = arena_array(a, STORE_PARTS, sizeof *v);

    if (!part || !v)
        return err_nomem(e);
    int r = store_usage(s->store, part, &s->cancel, e);
    for (size_t i = 0; r >= 0 && i < STORE_PARTS; i++) {
        v[i] = (struct shale_df_part){part[i].name, part[i].path, part[i].n_files, part[i].bytes};
        ret->total_bytes += part[i].bytes;
    }
    ret->parts = v;
    ret->n_parts = STORE_PARTS;
    return r;
}

static int add_cache(struct shale *s, struct arena *a, struct shale_df *ret, struct shale_err *e)
{
    struct build_host h = {.container = engine_container_host(s), .image = engine_image_host(s)};

    return build_cache_list(&h, a, &ret->cache, e);
}

int shale_df(struct shale *s, const struct shale_df_opts *opts, struct shale_df **ret,
             struct shale_err *e)
{
    struct container_host ch = engine_container_host(s);
    struct image_host ih = engine_image_host(s);
    struct shale_df_opts o;
    struct arena *a;
    struct shale_df *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    unsigned what = o.what ? o.what : ~0u;
    int r = 0;
    if (what & SHALE_DF_CONTAINERS) /* first: it may find out that some are gone */
        r = add_containers(&ch, a, res, e);
    if (r >= 0 && (what & SHALE_DF_IMAGES))
        r = image_df(&ih, a, res, e);
    if (r >= 0 && (what & SHALE_DF_VOLUMES))
        r = add_volumes(&ch, a, res, e);
    if (r >= 0 && (what & SHALE_DF_CACHE))
        r = add_cache(s, a, res, e);
    if (r >= 0 && o.parts)
        r = add_parts(s, a, res, e);
    return result_end(r, res, ret);
}

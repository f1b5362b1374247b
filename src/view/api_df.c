/* SPDX-License-Identifier: Apache-2.0 */
#include "view/api_df.h"

#include "view/api_containers.h"
#include "view/api_images.h"
#include "view/doc.h"
#include "view/volumes.h"

static int images(const struct shale_df *d, int version, json_t *list, struct shale_err *e)
{
    for (size_t i = 0; i < d->n_images; i++) {
        const struct shale_df_image *x = &d->images[i];
        const struct api_image image = {
            .image = &x->image,
            .shared_bytes = (int64_t)(x->image.size_bytes - x->unique_bytes),
        };
        json_t *one = NULL;
        int r = api_doc_image_summary(&image, version, &one, e);
        if (r < 0)
            return r;
        /* Counted here whatever the version. */
        if (json_object_set_new(one, "Containers", json_integer(x->image.n_containers)) < 0 ||
            json_array_append_new(list, one) < 0)
            return err_nomem(e);
    }
    return 0;
}

static int volumes(const struct shale_df *d, json_t *list, struct shale_err *e)
{
    for (size_t i = 0; i < d->n_volumes; i++) {
        const struct shale_df_volume *v = &d->volumes[i];
        json_t *one = NULL;
        int r = doc_volume(&v->volume, &one, e);
        if (r < 0)
            return r;
        if (json_object_set_new(one, "UsageData",
                                json_pack("{s:I, s:I}", "Size", (json_int_t)v->size_bytes,
                                          "RefCount", (json_int_t)v->volume.n_containers)) < 0 ||
            json_array_append_new(list, one) < 0)
            return err_nomem(e);
    }
    return 0;
}

static int build_cache(const struct shale_build_cache *c, json_t *list, struct shale_err *e)
{
    for (size_t i = 0; i < c->n_items; i++) {
        const struct shale_build_record *x = &c->items[i];
        struct doc d = doc_begin();
        json_t *one = NULL;

        doc_str(&d, "ID", x->id);
        doc_str(&d, "Type", x->type);
        doc_str(&d, "Description", x->description);
        doc_bool(&d, "InUse", false);
        doc_bool(&d, "Shared", x->shared);
        doc_int(&d, "Size", (int64_t)x->size_bytes);
        doc_time(&d, "CreatedAt", x->created_ns);
        if (x->used_ns == SHALE_TIME_NONE)
            doc_put(&d, "LastUsedAt", json_null());
        else
            doc_time(&d, "LastUsedAt", x->used_ns);
        doc_int(&d, "UsageCount", (int64_t)x->n_uses);
        int r = doc_end(&d, &one, e);
        if (r < 0)
            return r;
        if (json_array_append_new(list, one) < 0)
            return err_nomem(e);
    }
    return 0;
}

int view_api_df(const struct shale_df *d, const struct shale_build_cache *cache, unsigned what,
                int version, int64_t now_ns, json_t **ret, struct shale_err *e)
{
    const struct shale_container_list containers = {.items = d->containers,
                                                    .n_items = d->n_containers};
    json_t *list[] = {json_array(), NULL, json_array(), json_array()};
    static const char *const names[] = {"Images", "Containers", "Volumes", "BuildCache"};
    struct doc out = doc_begin();
    int r = list[0] && list[2] && list[3] ? 0 : err_nomem(e);

    if (r >= 0 && (what & SHALE_DF_IMAGES))
        r = images(d, version, list[0], e);
    if (r >= 0 && (what & SHALE_DF_CONTAINERS))
        r = view_api_containers(&containers, now_ns, &list[1], e);
    if (r >= 0 && (what & SHALE_DF_VOLUMES))
        r = volumes(d, list[2], e);
    if (r >= 0 && (what & SHALE_DF_CACHE))
        r = build_cache(cache, list[3], e);
    doc_int(&out, "LayersSize", what & SHALE_DF_IMAGES ? (int64_t)d->layers_bytes : 0);
    for (size_t i = 0; i < 4; i++) {
        bool wanted = r >= 0 && (what & 1u << i);
        if (!wanted)
            json_decref(list[i]);
        doc_put(&out, names[i], wanted ? list[i] : json_null());
    }
    int end = doc_end(&out, ret, e);
    if (r < 0 && end >= 0)
        json_decref(*ret);
    return r < 0 ? r : end;
}

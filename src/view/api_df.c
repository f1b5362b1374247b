/* SPDX-License-Identifier: Apache-2.0 */
#include "view/api_df.h"

#include "base/cleanup.h"
#include "view/api_containers.h"
#include "view/api_images.h"
#include "view/doc.h"
#include "view/volumes.h"

static int put_images(struct json_put *w, const struct shale_df *d, int version,
                      struct shale_err *e)
{
    int r = 0;

    json_put_open(w, "Images", '[');
    for (size_t i = 0; r >= 0 && i < d->n_images; i++) {
        const struct shale_df_image *x = &d->images[i];
        const struct api_image image = {
            .image = &x->image,
            .shared_bytes = (int64_t)(x->image.size_bytes - x->unique_bytes),
            .counted = true,
        };
        r = api_put_image_summary(w, &image, version, e);
    }
    json_put_close(w, ']');
    return r;
}

static int put_volumes(struct json_put *w, const struct shale_df *d, struct shale_err *e)
{
    json_put_open(w, "Volumes", '[');
    for (size_t i = 0; i < d->n_volumes; i++) {
        const struct shale_df_volume *v = &d->volumes[i];
        json_t *one = NULL;
        int r = doc_volume(&v->volume, &one, e);
        if (r < 0)
            return r;
        if (json_object_set_new(one, "UsageData",
                                json_pack("{s:I, s:I}", "Size", (json_int_t)v->size_bytes,
                                          "RefCount", (json_int_t)v->volume.n_containers)) < 0) {
            json_decref(one);
            return err_nomem(e);
        }
        json_put_new(w, NULL, one);
    }
    json_put_close(w, ']');
    return 0;
}

static json_t *record_of(const struct shale_build_record *x)
{
    struct doc d = doc_begin();

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
    return doc_take(&d);
}

static void put_build_cache(struct json_put *w, const struct shale_build_cache *c)
{
    json_put_open(w, "BuildCache", '[');
    for (size_t i = 0; i < c->n_items; i++)
        json_put_new(w, NULL, record_of(&c->items[i]));
    json_put_close(w, ']');
}

int view_api_put_df(struct json_put *w, const struct shale_df *d, unsigned what, int version,
                    int64_t now_ns, struct shale_err *e)
{
    static const char *const names[] = {"Images", "Containers", "Volumes", "BuildCache"};
    int r = 0;

    json_put_open(w, NULL, '{');
    json_put_int(w, "LayersSize", what & SHALE_DF_IMAGES ? (int64_t)d->layers_bytes : 0);
    if (version < 142)
        json_put_int(w, "BuilderSize", 0); /* as it was for long before it went */
    for (unsigned i = 0; r >= 0 && i < ARRAY_SIZE(names); i++) {
        if (!(what & 1u << i))
            json_put_null(w, names[i]);
        else if (1u << i == SHALE_DF_IMAGES)
            r = put_images(w, d, version, e);
        else if (1u << i == SHALE_DF_CONTAINERS)
            r = view_api_put_containers(w, names[i], d->containers, d->n_containers, now_ns, e);
        else if (1u << i == SHALE_DF_VOLUMES)
            r = put_volumes(w, d, e);
        else
            put_build_cache(w, &d->cache);
    }
    json_put_close(w, '}');
    return r;
}

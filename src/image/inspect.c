/* SPDX-License-Identifier: Apache-2.0 */
/* `inspect`: all that is known of one image; and the platforms of an index. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "image/image_priv.h"
#include "model/limits.h"

struct looking {
    struct store *s;
    struct arena *a;
    struct meta_image_item item;
    struct config cfg;
    struct shale_image_detail *d;
};

static const char *text_or_empty(const char *s)
{
    return s ? s : "";
}

static int put_config(struct looking *k, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    int r = store_document(k->s, &k->item.image.id, &b, e);

    if (r >= 0)
        r = config_parse(buf_str(&b), b.n, k->a, &k->cfg, e);
    if (r < 0)
        return r;
    char *copy = arena_strndup(k->a, buf_str(&b), b.n);
    if (!copy)
        return err_nomem(e);
    const struct config *c = &k->cfg;
    k->d->config_json = copy;
    k->d->config_json_bytes = b.n;
    k->d->author = text_or_empty(c->author);
    k->d->docker_version = text_or_empty(c->docker_version);
    k->d->os_version = text_or_empty(c->platform.os_version);
    k->d->comment = text_or_empty(c->comment);
    if (!*k->d->comment && c->n_history) /* docker shows the last step's */
        k->d->comment = text_or_empty(c->history[c->n_history - 1].comment);
    return 0;
}

static int put_manifest(struct looking *k, struct shale_err *e)
{
    const struct digest *m = &k->item.image.manifest;
    struct meta_blob row;
    int r;

    k->d->manifest_digest = arena_strdup(k->a, m->s);
    k->d->manifest_type = "";
    if (!k->d->manifest_digest)
        return err_nomem(e);
    if (!digest_is_set(m))
        return 0;
    r = meta_blob_get(store_meta(k->s), m, k->a, &row, e);
    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    k->d->manifest_type = row.media_type;
    k->d->manifest_bytes = row.size_bytes;
    return 0;
}

static int put_layer(struct looking *k, const struct meta_image_layer *l, struct shale_layer *ret,
                     struct shale_err *e)
{
    struct meta_layer row;
    struct meta_blob blob = {.media_type = ""};
    int r = meta_layer_get(store_meta(k->s), &l->diff_id, &row, e);

    if (r < 0)
        return r;
    if (digest_is_set(&l->blob)) {
        r = meta_blob_get(store_meta(k->s), &l->blob, k->a, &blob, e);
        if (r < 0 && r != -SHALE_NOT_FOUND)
            return r;
    }
    *ret = (struct shale_layer){l->diff_id.s,      l->blob.s,     blob.media_type,
                                row.content_bytes, row.tar_bytes, blob.size_bytes};
    return 0;
}

static int put_layers(struct looking *k, struct shale_err *e)
{
    struct meta_image_layer *rows;
    struct shale_layer *v;
    size_t n;
    int r = meta_image_layers(store_meta(k->s), &k->item.image.id, k->a, &rows, &n, e);

    if (r < 0)
        return r;
    v = arena_array(k->a, n + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = put_layer(k, &rows[i], &v[i], e);
    k->d->layers = v;
    k->d->n_layers = n;
    return r;
}

/* The driver's name and the paths that belong to this image. That no driver works here is no error
 * of looking. */
static int put_driver(struct looking *k, struct shale_err *e)
{
    struct rootfs_driver *driver;
    const char *chain =
        digest_is_set(&k->item.image.chain) ? digest_hex(&k->item.image.chain) : NULL;

    k->d->driver = k->d->driver_lower = k->d->driver_index = "";
    if (store_driver(k->s, &driver, NULL) < 0)
        return 0;
    k->d->driver = driver->ops->name;
    if (!chain)
        return 0;
    bool erofs = streq(driver->ops->name, "erofs");
    char *path = arena_printf(k->a, "%s/images/%s/%s", store_root(k->s), chain,
                              erofs ? "index.erofs" : "diff");
    if (!path)
        return err_nomem(e);
    if (erofs)
        k->d->driver_index = path;
    k->d->driver_lower = path;
    return 0;
}

/* What the name stands for; the image's own manifest where that is not here. */
static int put_target(struct looking *k, const char *target, struct shale_err *e)
{
    struct meta_blob row;
    struct digest d;

    k->d->target_digest = k->d->manifest_digest;
    k->d->target_type = k->d->manifest_type;
    k->d->target_bytes = k->d->manifest_bytes;
    if (!target || !*target || streq(target, k->d->manifest_digest) ||
        digest_parse(target, &d, NULL) < 0)
        return 0;
    int r = meta_blob_get(store_meta(k->s), &d, k->a, &row, e);
    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    k->d->target_digest = arena_strdup(k->a, target);
    k->d->target_type = row.media_type;
    k->d->target_bytes = row.size_bytes;
    return k->d->target_digest ? 0 : err_nomem(e);
}

int image_inspect(struct image_host *h, const char *what, const char *platform, struct arena *a,
                  struct shale_image_detail *ret, struct shale_err *e)
{
    struct looking k = {.s = h->store, .a = a, .d = ret};
    struct image_found found;
    int r = image_find_platform(h->store, what, platform, a, &found, e);

    if (r >= 0)
        r = meta_image_item(store_meta(h->store), &found.id, a, &k.item, e);
    if (r >= 0 && !found.by_id)
        r = image_manifest_in(h->store, &found.target, &found.id, a, &k.item.image.manifest, e);
    if (r >= 0 && image_show(&k.item, a, &ret->image) < 0)
        r = err_nomem(e);
    if (r >= 0)
        r = put_config(&k, e);
    if (r >= 0)
        r = put_manifest(&k, e);
    if (r >= 0)
        r = put_layers(&k, e);
    if (r >= 0)
        r = put_driver(&k, e);
    if (r < 0)
        return r;
    const char *target = found.by_id ? ret->image.target : found.target.s;
    r = put_target(&k, platform ? NULL : target, e);
    if (r < 0)
        return r;
    r = image_attestations(h->store, target, &k.item.image.manifest, a, &ret->attestations,
                           &ret->n_attestations, e);
    if (r < 0)
        return r;
    ret->last_tagged_ns = k.item.image.last_tagged_ns;
    ret->last_used_ns = k.item.image.last_used_ns;
    return 0;
}

/* ---- platforms ---- */

/* IDs of the containers of an image. */
static int put_containers(struct store *s, const struct digest *id, struct arena *a,
                          struct shale_platform_entry *ret, struct shale_err *e)
{
    struct meta_container *rows = NULL;
    size_t n = 0;
    int r = ret->n_containers ? meta_container_list(store_meta(s), id, a, &rows, &n, e) : 0;

    if (r < 0)
        return r;
    const char **v = arena_array(a, n + 1, sizeof *v);
    for (size_t i = 0; v && i < n; i++)
        v[i] = arena_strdup(a, rows[i].id);
    ret->containers = v;
    return a->failed ? err_nomem(e) : 0;
}

/* A layer that is not here counts nothing. */
static int add_blob(struct store *s, const struct digest *d, struct arena *a,
                    struct shale_platform_entry *ret, struct shale_err *e)
{
    struct meta_blob blob;
    int r = digest_is_set(d) ? meta_blob_get(store_meta(s), d, a, &blob, NULL) : -SHALE_NOT_FOUND;

    if (r >= 0)
        ret->content_bytes += blob.size_bytes;
    return r == -SHALE_NO_MEMORY ? err_nomem(e) : 0;
}

static int add_rows(struct store *s, const struct digest *id, struct arena *a,
                    struct shale_platform_entry *ret, struct shale_err *e)
{
    struct meta_image_layer *v = NULL;
    size_t n = 0;
    int r = meta_image_layers(store_meta(s), id, a, &v, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++)
        r = add_blob(s, &v[i].blob, a, ret, e);
    return r;
}

/* The image's rows name the layers of its newest manifest; this is another. */
static int add_named(struct store *s, const struct digest *manifest, struct arena *a,
                     struct shale_platform_entry *ret, struct shale_err *e)
{
    struct manifest m;
    int r = image_load_manifest(s, manifest, a, &m, e);

    for (size_t i = 0; r >= 0 && i < m.n_layers; i++)
        r = add_blob(s, &m.layers[i].digest, a, ret, e);
    return r;
}

static int put_platform(struct store *s, const struct descriptor *d, struct arena *a,
                        struct shale_platform_entry *ret, struct shale_err *e)
{
    struct meta_image_item item;
    struct digest id;
    static const char *const nobody[] = {NULL};

    *ret = (struct shale_platform_entry){
        .digest = arena_strdup(a, d->digest.s),
        .platform = d->has_platform ? platform_format(&d->platform, a) : "unknown",
        .image_id = "",
        .attestation = descriptor_is_attestation(d),
        .about = "",
        .media_type = d->media_type,
        .manifest_bytes = d->size_bytes,
        .containers = nobody,
    };
    if (!ret->digest || !ret->platform)
        return err_nomem(e);
    if (ret->attestation)
        return image_attestation_entry(s, d, a, ret, e);
    int r = image_of_manifest(s, &d->digest, a, &id, e);
    if (r <= 0)
        return r;
    r = meta_image_item(store_meta(s), &id, a, &item, e);
    if (r >= 0)
        r = digest_eq(&d->digest, &item.image.manifest) ? add_rows(s, &id, a, ret, e)
                                                        : add_named(s, &d->digest, a, ret, e);
    if (r < 0)
        return r;
    ret->available = true;
    ret->size_bytes = item.image.size_bytes;
    ret->n_containers = item.n_containers;
    ret->image_id = arena_strdup(a, id.s);
    return ret->image_id ? put_containers(s, &id, a, ret, e) : err_nomem(e);
}

/* A target that is a single manifest has one platform: the image's own. */
static int single_platform(struct store *s, const struct meta_blob *blob, struct arena *a,
                           struct shale_platform_entry *v, struct shale_err *e)
{
    struct descriptor d = {.digest = blob->digest,
                           .media_type = blob->media_type,
                           .size_bytes = blob->size_bytes,
                           .has_platform = true};
    const struct digest *manifest = &d.digest;
    struct meta_image row;
    struct digest id;
    int r = image_of_manifest(s, manifest, a, &id, e);

    if (r < 0)
        return r;
    if (r == 0)
        return err_set(e, SHALE_NOT_FOUND, "No such image: %s", manifest->s);
    r = meta_image_get(store_meta(s), &id, a, &row, e);
    if (r < 0)
        return r;
    d.platform = image_platform(&row);
    return put_platform(s, &d, a, v, e);
}

static bool is_image(const struct descriptor *d)
{
    enum media_kind kind = media_find(d->media_type)->kind;

    return kind == MEDIA_MANIFEST || kind == MEDIA_INDEX;
}

int image_platforms(struct image_host *h, const char *target, struct arena *a,
                    struct shale_platform_list *ret, struct shale_err *e)
{
    struct shale_platform_entry *v;
    struct meta_blob blob;
    struct manifest m;
    struct digest d;
    size_t n = 1;
    int r = digest_parse(target, &d, e);

    if (r >= 0)
        r = image_load_manifest(h->store, &d, a, &m, e);
    if (r >= 0)
        r = meta_blob_get(store_meta(h->store), &d, a, &blob, e);
    if (r < 0)
        return r;
    if (m.kind == MANIFEST_INDEX)
        n = m.n_manifests;
    v = arena_array(a, n + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    if (m.kind != MANIFEST_INDEX)
        r = single_platform(h->store, &blob, a, v, e);
    else
        for (size_t i = n = 0; r >= 0 && i < m.n_manifests; i++)
            if (is_image(&m.manifests[i])) /* an index may name anything */
                r = put_platform(h->store, &m.manifests[i], a, &v[n++], e);
    if (r < 0)
        return r;
    *ret = (struct shale_platform_list){v, n, blob.media_type, blob.size_bytes};
    return 0;
}

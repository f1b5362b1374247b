/* SPDX-License-Identifier: Apache-2.0 */
#include "image/make.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "model/media.h"

int image_put_document(struct store *s, struct store_lease *lease, const char *type,
                       const json_t *doc, struct descriptor *ret, struct shale_err *e)
{
    _cleanup_free_ char *text = json_text(doc);
    struct meta_blob row = {.media_type = type};
    int r = text ? digest_of_bytes(HASH_SHA256, text, strlen(text), &row.digest, e) : err_nomem(e);

    if (r < 0)
        return r;
    row.size_bytes = strlen(text);
    r = store_lease_add(lease, &row.digest, e);
    if (r >= 0)
        r = blob_put(store_blobs(s), &row.digest, text, row.size_bytes, e);
    if (r >= 0)
        r = meta_blob_put(store_meta(s), &row, e);
    if (r >= 0)
        *ret = (struct descriptor){
            .media_type = type, .digest = row.digest, .size_bytes = row.size_bytes};
    return r;
}

/* OCI's name for what a layer's blob is. */
static const char *layer_type(const char *type)
{
    enum media_codec codec = media_find(type)->codec;

    return media_layer_type(codec == CODEC_OTHER ? CODEC_NONE : codec);
}

static int add_descriptor(json_t *list, const char *type, const struct digest *d, uint64_t size,
                          struct shale_err *e)
{
    json_t *o =
        json_pack("{s:s,s:s,s:I}", "mediaType", type, "digest", d->s, "size", (json_int_t)size);

    return o && json_array_append_new(list, o) == 0 ? 0 : err_nomem(e);
}

static int add_layer(struct store *s, json_t *list, const struct meta_image_layer *l,
                     struct arena *a, struct shale_err *e)
{
    struct meta_blob row;
    uint64_t size;
    int r = digest_is_set(&l->blob) ? blob_has(store_blobs(s), &l->blob, &size, e) : 0;

    if (r == 0)
        return err_set(e, SHALE_NOT_FOUND,
                       "the compressed layer of %s is not in the store; pull its image again",
                       l->diff_id.s);
    if (r >= 0)
        r = meta_blob_get(store_meta(s), &l->blob, a, &row, e);
    return r < 0 ? r : add_descriptor(list, layer_type(row.media_type), &l->blob, size, e);
}

static int set_rootfs(json_t *config, const struct meta_image_layer *layers, size_t n,
                      struct shale_err *e)
{
    json_t *ids = json_array();
    int bad = 0;

    for (size_t i = 0; i < n; i++)
        bad |= json_array_append_new(ids, json_string(layers[i].diff_id.s));
    bad |= json_object_set_new(config, "rootfs",
                               json_pack("{s:s,s:o}", "type", "layers", "diff_ids", ids));
    return bad ? err_nomem(e) : 0;
}

static int annotate(json_t *o, const json_t *annotations, struct shale_err *e)
{
    if (!annotations)
        return 0;
    return json_object_set(o, "annotations", (json_t *)annotations) < 0 ? err_nomem(e) : 0;
}

static int make_manifest(struct store *s, const struct descriptor *config,
                         const struct meta_image_layer *layers, size_t n, const json_t *annotations,
                         json_t **ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    _cleanup_json_ json_t *list = json_array(), *configs = json_array();
    int r = add_descriptor(configs, MEDIA_OCI_CONFIG, &config->digest, config->size_bytes, e);

    for (size_t i = 0; r >= 0 && i < n; i++)
        r = add_layer(s, list, &layers[i], &a, e);
    if (r < 0)
        return r;
    *ret = json_pack("{s:i,s:s,s:O,s:O}", "schemaVersion", 2, "mediaType", MEDIA_OCI_MANIFEST,
                     "config", json_array_get(configs, 0), "layers", list);
    return *ret ? annotate(*ret, annotations, e) : err_nomem(e);
}

static int set_parent(struct store *s, const struct digest *id, const struct digest *parent,
                      const struct meta_image_layer *layers, size_t n, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4 << 20);
    struct meta_image row;
    int r = meta_image_get(store_meta(s), parent, &a, &row, NULL);

    if (r < 0) /* it lives on in containers only */
        return 0;
    r = meta_image_get(store_meta(s), id, &a, &row, e);
    if (r < 0 || digest_is_set(&row.parent) || digest_eq(id, parent))
        return r;
    row.parent = *parent;
    return meta_image_put(store_meta(s), &row, layers, n, e);
}

int image_make(struct store *s, struct store_lease *lease, json_t *config,
               const struct meta_image_layer *layers, size_t n, const struct digest *parent,
               const json_t *annotations, struct image_made *ret, struct shale_err *e)
{
    _cleanup_json_ json_t *manifest = NULL;
    struct descriptor c, m;
    struct digest id;
    int r = set_rootfs(config, layers, n, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = store_lease_add(lease, &layers[i].diff_id, e);
        if (r >= 0 && digest_is_set(&layers[i].blob))
            r = store_lease_add(lease, &layers[i].blob, e);
    }
    if (r >= 0)
        r = image_put_document(s, lease, MEDIA_OCI_CONFIG, config, &c, e);
    if (r >= 0)
        r = make_manifest(s, &c, layers, n, annotations, &manifest, e);
    if (r >= 0)
        r = image_put_document(s, lease, MEDIA_OCI_MANIFEST, manifest, &m, e);
    if (r >= 0)
        r = store_image_add(s, &m, &id, e);
    if (r >= 0 && parent)
        r = set_parent(s, &id, parent, layers, n, e);
    if (r >= 0)
        *ret = (struct image_made){id, m.digest, m.size_bytes};
    return r;
}

/* ---- lists ---- */

static json_t *platform_object(const struct platform *p)
{
    json_t *o = json_pack("{s:s,s:s}", "architecture", p->arch ? p->arch : "unknown", "os",
                          p->os ? p->os : "linux");

    if (o && p->variant && *p->variant)
        (void)json_object_set_new(o, "variant", json_string(p->variant));
    if (o && p->os_version && *p->os_version)
        (void)json_object_set_new(o, "os.version", json_string(p->os_version));
    return o;
}

static int add_entry(json_t *list, const struct image_entry *x, struct shale_err *e)
{
    int r = add_descriptor(list, MEDIA_OCI_MANIFEST, &x->made.manifest, x->made.manifest_bytes, e);

    if (r < 0)
        return r;
    json_t *o = json_array_get(list, json_array_size(list) - 1);
    if (json_object_set_new(o, "platform", platform_object(&x->platform)) < 0)
        return err_nomem(e);
    return annotate(o, x->annotations, e);
}

int image_make_list(struct store *s, struct store_lease *lease, const struct image_entry *v,
                    size_t n, const json_t *annotations, struct digest *ret, struct shale_err *e)
{
    _cleanup_json_ json_t *list = json_array(), *doc = NULL;
    struct descriptor d;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++)
        r = add_entry(list, &v[i], e);
    if (r < 0)
        return r;
    doc = json_pack("{s:i,s:s,s:O}", "schemaVersion", 2, "mediaType", MEDIA_OCI_INDEX, "manifests",
                    list);
    r = doc ? annotate(doc, annotations, e) : err_nomem(e);
    if (r >= 0)
        r = image_put_document(s, lease, MEDIA_OCI_INDEX, doc, &d, e);
    if (r >= 0)
        r = store_index_add(s, &d, e);
    if (r >= 0)
        *ret = d.digest;
    return r;
}

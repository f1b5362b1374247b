/* SPDX-License-Identifier: Apache-2.0 */
/* Rows for images and indexes whose bytes have arrived. */
#include "base/cleanup.h"
#include "base/str.h"
#include "model/chain.h"
#include "model/limits.h"
#include "store/store_priv.h"

static int load_manifest(struct store *s, const struct digest *d, struct arena *a,
                         struct manifest *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES + 1);
    int r = store_document(s, d, &b, e);
    if (r < 0)
        return r;
    return manifest_parse(b.p ? b.p : "", b.n, NULL, a, ret, e);
}

static int image_row(struct store *s, const struct digest *manifest, const struct config *cfg,
                     const struct digest *id, struct arena *a, struct meta_image *ret,
                     struct shale_err *e)
{
    const char *labels = "";
    const json_t *labels_json = cfg->raw_config ? json_object_get(cfg->raw_config, "Labels") : NULL;
    uint64_t size = 0;
    int r;

    if (json_is_object(labels_json) && json_object_size(labels_json) > 0) {
        char *text = json_text(labels_json);
        labels = text ? arena_strdup(a, text) : NULL;
        free(text);
        if (!labels)
            return err_nomem(e);
    }
    for (size_t i = 0; i < cfg->n_diff_ids; i++) {
        struct meta_layer row;
        r = meta_layer_get(s->meta, &cfg->diff_ids[i], &row, e);
        if (r < 0)
            return r;
        size += row.content_bytes;
    }
    *ret = (struct meta_image){
        .id = *id,
        .manifest = *manifest,
        .created_ns = cfg->created_ns,
        .size_bytes = size,
        .n_layers = (uint32_t)cfg->n_diff_ids,
        .os = cfg->platform.os ? cfg->platform.os : "",
        .arch = cfg->platform.arch ? cfg->platform.arch : "",
        .variant = cfg->platform.variant ? cfg->platform.variant : "",
        .os_version = cfg->platform.os_version ? cfg->platform.os_version : "",
        .labels = labels,
    };
    return cfg->n_diff_ids ? chain_id(cfg->diff_ids, cfg->n_diff_ids, &ret->chain, e) : 0;
}

static int put_edges(struct store *s, const struct digest *parent, const struct manifest *m,
                     struct shale_err *e)
{
    int r = 0;
    if (m->kind == MANIFEST_INDEX) {
        for (size_t i = 0; r >= 0 && i < m->n_manifests; i++)
            r = meta_edge_put(s->meta, parent, &m->manifests[i].digest, e);
        return r;
    }
    r = meta_edge_put(s->meta, parent, &m->config.digest, e);
    for (size_t i = 0; r >= 0 && i < m->n_layers; i++)
        r = meta_edge_put(s->meta, parent, &m->layers[i].digest, e);
    return r;
}

int store_image_add(struct store *s, const struct descriptor *manifest, struct digest *ret_id,
                    struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta_image_layer *layers;
    struct meta_image row;
    struct manifest m;
    struct config cfg;
    int r;

    r = load_manifest(s, &manifest->digest, &a, &m, e);
    if (r < 0)
        return r;
    if (m.kind != MANIFEST_IMAGE)
        return err_set(e, SHALE_INVALID, "%s is an index, not an image", manifest->digest.s);
    r = store_config(s, &m.config.digest, &a, &cfg, e);
    if (r < 0)
        return r;
    if (cfg.n_diff_ids != m.n_layers)
        return err_set(e, SHALE_CORRUPT, "layers from manifest don't match image configuration");
    layers = arena_array(&a, m.n_layers + 1, sizeof *layers);
    if (!layers)
        return err_nomem(e);
    for (size_t i = 0; i < m.n_layers; i++) {
        layers[i] = (struct meta_image_layer){cfg.diff_ids[i], m.layers[i].digest};
        r = blob_has(s->blobs, &m.layers[i].digest, NULL, e);
        /* The layer came with another image: it hangs on that one's blob (ADR 11). */
        if (r == 0)
            r = store_layer_blob(s, &cfg.diff_ids[i], &a, &layers[i].blob, e);
        if (r < 0)
            return r;
    }
    r = image_row(s, &manifest->digest, &cfg, &m.config.digest, &a, &row, e);
    if (r < 0)
        return r;
    r = meta_begin(s->meta, e);
    if (r < 0)
        return r;
    r = meta_image_put(s->meta, &row, layers, m.n_layers, e);
    if (r >= 0)
        r = put_edges(s, &manifest->digest, &m, e);
    *ret_id = row.id;
    return meta_end(s->meta, r, e);
}

/* Of what is here: an index that was walked through, an attestation that came along. Images have
 * theirs by their rows. */
static int add_entry(struct store *s, const struct descriptor *d, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    enum media_kind kind = media_find(d->media_type)->kind;
    struct manifest m;

    if ((kind != MEDIA_INDEX && kind != MEDIA_MANIFEST) ||
        blob_has(s->blobs, &d->digest, NULL, NULL) != 1)
        return 0;
    if (kind == MEDIA_INDEX)
        return store_index_add(s, d, e);
    int r = load_manifest(s, &d->digest, &a, &m, e);
    return r < 0 ? r : put_edges(s, &d->digest, &m, e);
}

int store_index_add(struct store *s, const struct descriptor *index, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct manifest m;
    int r = load_manifest(s, &index->digest, &a, &m, e);
    if (r < 0)
        return r;
    r = meta_begin(s->meta, e);
    if (r < 0)
        return r;
    r = put_edges(s, &index->digest, &m, e);
    for (size_t i = 0; r >= 0 && i < m.n_manifests; i++)
        r = add_entry(s, &m.manifests[i], e);
    return meta_end(s->meta, r, e);
}

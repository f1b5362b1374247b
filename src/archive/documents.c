/* SPDX-License-Identifier: Apache-2.0 */
/* index.json of an OCI layout, or manifest.json of a docker-archive: which images there are. */
#include <string.h>

#include "archive/archive_priv.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "model/config.h"
#include "model/limits.h"
#include "model/media.h"

static int add_image(struct reading *x, const struct digest *target, struct archive_image **ret,
                     struct shale_err *e)
{
    size_t n = x->pub.n_images;

    for (size_t i = 0; i < n; i++)
        if (digest_eq(&x->images[i].target, target)) {
            *ret = &x->images[i];
            return 0;
        }
    if (n == ARCHIVE_MAX_IMAGES)
        return err_set(e, SHALE_LIMIT, "the archive has more than %d images", ARCHIVE_MAX_IMAGES);
    struct archive_image *v = arena_grow(x->a, x->images, n, &x->cap_images, sizeof *v);
    if (!v)
        return err_nomem(e);
    x->images = v;
    x->pub.n_images++;
    v[n] = (struct archive_image){.target = *target};
    *ret = &v[n];
    return 0;
}

static int add_name(struct reading *x, struct archive_image *i, const struct ref *name,
                    struct shale_err *e)
{
    struct ref *v = arena_array(x->a, i->n_names + 1, sizeof *v);

    if (!v)
        return err_nomem(e);
    if (i->n_names)
        memcpy(v, i->names, i->n_names * sizeof *v);
    v[i->n_names++] = *name;
    i->names = v;
    return 0;
}

/* ---- OCI ---- */

/* The whole name, where there is one; a bare tag ("1.0") is none. */
static int oci_name(struct reading *x, struct archive_image *i, const struct descriptor *d,
                    struct shale_err *e)
{
    const char *full = strmap_get(&d->annotations, "io.containerd.image.name");
    const char *text =
        full ? full : strmap_get(&d->annotations, "org.opencontainers.image.ref.name");
    struct ref ref;

    if (!text || (!full && !strchr(text, ':') && !strchr(text, '/')))
        return 0;
    if (ref_parse(text, x->a, &ref, NULL) < 0 || digest_is_set(&ref.digest))
        return 0;
    ref_default_tag(&ref);
    return add_name(x, i, &ref, e);
}

static int read_index(struct reading *x, const struct buf *b, struct shale_err *e)
{
    struct manifest m;
    int r = manifest_parse(b->p, b->n, MEDIA_OCI_INDEX, x->a, &m, e);

    if (r < 0)
        return err_wrap(e, r, "index.json");
    x->pub.since = strmap_get(&m.annotations, ARCHIVE_SINCE);
    for (size_t i = 0; r >= 0 && i < m.n_manifests; i++) {
        const struct descriptor *d = &m.manifests[i];
        enum media_kind kind = media_find(d->media_type)->kind;
        if ((kind != MEDIA_MANIFEST && kind != MEDIA_INDEX) || descriptor_is_attestation(d))
            continue;
        struct archive_image *v = NULL;
        r = add_image(x, &d->digest, &v, e);
        if (r < 0)
            return r;
        v->published = true;
        r = oci_name(x, v, d, e);
    }
    return r;
}

/* ---- docker ---- */

struct item {
    const char *config;
    struct strv layers, tags;
};
static const struct json_field item_fields[] = {
    {"Config", JB_STR, offsetof(struct item, config), JB_REQUIRED},
    {"Layers", JB_STRV, offsetof(struct item, layers), 0},
    {"RepoTags", JB_STRV, offsetof(struct item, tags), 0},
};

static uint32_t *alias_slot(const struct reading *x, const struct digest *d)
{
    uint64_t h = 0;

    memcpy(&h, digest_hex(d), sizeof h); /* a hash of hex digits that are one themselves */
    size_t mask = x->n_alias_slots - 1, i = h * 0x9e3779b97f4a7c15ull >> 32 & mask;
    while (x->alias_slots[i] && !digest_eq(&x->aliases[x->alias_slots[i] - 1].digest, d))
        i = (i + 1) & mask;
    return &x->alias_slots[i];
}

const struct alias *alias_find(const struct reading *x, const struct digest *d)
{
    uint32_t k = x->n_alias_slots ? *alias_slot(x, d) : 0;

    return k ? &x->aliases[k - 1] : NULL;
}

/* At most half of the slots are taken. */
static int grow_slots(struct reading *x, struct shale_err *e)
{
    size_t n = x->n_alias_slots ? x->n_alias_slots * 2 : 64;
    uint32_t *v = arena_array(x->a, n, sizeof *v);

    if (!v)
        return err_nomem(e);
    x->alias_slots = v;
    x->n_alias_slots = n;
    for (size_t i = 0; i < x->n_aliases; i++)
        *alias_slot(x, &x->aliases[i].digest) = (uint32_t)i + 1;
    return 0;
}

static int add_alias(struct reading *x, const struct alias *alias, struct shale_err *e)
{
    struct alias *v;

    if (alias_find(x, &alias->digest))
        return 0;
    v = arena_grow(x->a, x->aliases, x->n_aliases, &x->cap_aliases, sizeof *v);
    if (!v)
        return err_nomem(e);
    x->aliases = v;
    if (2 * (x->n_aliases + 1) > x->n_alias_slots && grow_slots(x, e) < 0)
        return -SHALE_NO_MEMORY;
    v[x->n_aliases++] = *alias;
    *alias_slot(x, &alias->digest) = (uint32_t)x->n_aliases;
    return 0;
}

static int hash_member(const struct reading *x, const struct member *m, struct digest *ret,
                       struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(64 << 10);
    _cleanup_(hash_clear) struct hash h = {0};
    int r = block ? hash_init(&h, HASH_SHA256, e) : err_nomem(e);

    for (uint64_t at = 0; r >= 0 && at < m->size_bytes;) {
        uint64_t left = m->size_bytes - at;
        size_t n;
        if (sys_pread_full(x->fd, block, left < (64 << 10) ? (size_t)left : 64 << 10,
                           m->offset + at, &n) < 0 ||
            n == 0)
            return err_set(e, SHALE_CORRUPT, "the archive is cut off within %.200s", m->name);
        hash_update(&h, block, n);
        at += n;
    }
    if (r >= 0)
        digest_of_hash(&h, ret);
    return r;
}

/* What a layer is as a blob: plain, it is its diffID; else its name may say it, or its bytes do. */
static int layer_blob(struct reading *x, const char *path, const struct digest *diff_id,
                      enum media_codec *ret_codec, struct alias *ret, struct shale_err *e)
{
    const struct member *m = member_find(x, path);
    uint8_t b[4] = {0};
    char shown[200], text[DIGEST_MAX];
    size_t n;

    if (!m)
        return err_set(e, SHALE_NOT_FOUND, "the archive has no layer %s, which manifest.json names",
                       str_printable(shown, sizeof shown, path));
    *ret = (struct alias){.digest = *diff_id, .member = m};
    *ret_codec = CODEC_NONE;
    if (sys_pread_full(x->fd, b, m->size_bytes < 4 ? (size_t)m->size_bytes : 4, m->offset, &n) < 0)
        return err_sys(e, "read the archive");
    if (b[0] == 0x1f && b[1] == 0x8b)
        *ret_codec = CODEC_GZIP;
    else if (b[0] == 0x28 && b[1] == 0xb5 && b[2] == 0x2f && b[3] == 0xfd)
        *ret_codec = CODEC_ZSTD;
    else
        return 0;
    snprintf(text, sizeof text, "sha256:%.64s",
             str_has_prefix(path, "blobs/sha256/") ? path + strlen("blobs/sha256/") : "");
    if (digest_parse(text, &ret->digest, NULL) >= 0)
        return 0;
    return hash_member(x, m, &ret->digest, e);
}

static int config_of(struct reading *x, const char *path, struct config *ret, struct alias *alias,
                     struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    int r = member_read(x, path, &b, e);

    if (r >= 0)
        r = digest_of_bytes(HASH_SHA256, buf_str(&b), b.n, &alias->digest, e);
    alias->member = member_find(x, path);
    if (r >= 0)
        r = config_parse(buf_str(&b), b.n, x->a, ret, e);
    if (r >= 0 && ret->platform.os && *ret->platform.os && !streq(ret->platform.os, "linux"))
        return err_set(e, SHALE_UNSUPPORTED, "cannot load %.32s image on linux", ret->platform.os);
    return r;
}

/* A manifest over config and layers. Its text goes to the arena. */
static int make_manifest(struct reading *x, const struct alias *config, json_t *layers,
                         struct digest *ret, struct shale_err *e)
{
    _cleanup_json_ json_t *m =
        json_pack("{si,ss,s{ss,ss,sI},so}", "schemaVersion", 2, "mediaType", MEDIA_OCI_MANIFEST,
                  "config", "mediaType", MEDIA_OCI_CONFIG, "digest", config->digest.s, "size",
                  (json_int_t)config->member->size_bytes, "layers", layers);
    _cleanup_free_ char *text = m ? json_text(m) : NULL;
    struct alias made = {.n = text ? strlen(text) : 0};

    made.text = text ? arena_strdup(x->a, text) : NULL;
    if (!made.text)
        return err_nomem(e);
    int r = digest_of_bytes(HASH_SHA256, made.text, made.n, &made.digest, e);
    *ret = made.digest;
    return r < 0 ? r : add_alias(x, &made, e);
}

static int layers_of(struct reading *x, const struct item *it, const struct config *cfg,
                     json_t *layers, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < it->layers.n; i++) {
        struct alias blob = {.member = NULL};
        enum media_codec codec = CODEC_NONE;
        r = layer_blob(x, it->layers.v[i], &cfg->diff_ids[i], &codec, &blob, e);
        if (r >= 0)
            r = add_alias(x, &blob, e);
        if (r < 0 || !blob.member)
            return r;
        json_t *d = json_pack("{ss,ss,sI}", "mediaType", media_layer_type(codec), "digest",
                              blob.digest.s, "size", (json_int_t)blob.member->size_bytes);
        if (json_array_append_new(layers, d) < 0)
            r = err_nomem(e);
    }
    return r;
}

static int read_item(struct reading *x, const json_t *j, struct shale_err *e)
{
    struct item it = {0};
    struct alias config = {0};
    struct config cfg = {0};
    struct digest target = {""};
    char shown[200];
    int r = json_bind(j, item_fields, ARRAY_SIZE(item_fields), &it, x->a, e);

    if (r >= 0)
        r = config_of(x, it.config, &cfg, &config, e);
    if (r >= 0 && it.layers.n != cfg.n_diff_ids)
        return err_set(e, SHALE_CORRUPT,
                       "invalid manifest, layers length mismatch: expected %zu, got %zu",
                       it.layers.n, cfg.n_diff_ids);
    if (r >= 0)
        r = add_alias(x, &config, e);
    if (r < 0)
        return r;
    json_t *layers = json_array();
    r = layers ? layers_of(x, &it, &cfg, layers, e) : err_nomem(e);
    if (r < 0) {
        json_decref(layers);
        return r;
    }
    r = make_manifest(x, &config, layers, &target, e);
    struct archive_image *v = NULL;
    if (r >= 0)
        r = add_image(x, &target, &v, e);
    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < it.tags.n; i++) {
        struct ref ref;
        if (ref_parse(it.tags.v[i], x->a, &ref, NULL) < 0 || !ref.tag || digest_is_set(&ref.digest))
            return err_set(e, SHALE_INVALID, "invalid tag \"%s\"",
                           str_printable(shown, sizeof shown, it.tags.v[i]));
        r = add_name(x, v, &ref, e);
    }
    return r;
}

static int read_docker(struct reading *x, const struct buf *b, struct shale_err *e)
{
    _cleanup_json_ json_t *list = NULL;
    int r = json_parse(b->p, b->n, ARCHIVE_MAX_DOCUMENT_BYTES, &list, e);

    if (r < 0)
        return err_wrap(e, r, "manifest.json");
    if (json_is_null(list))
        return err_set(e, SHALE_INVALID,
                       "invalid manifest, manifest cannot be null (but can be [])");
    if (!json_is_array(list))
        return err_set(e, SHALE_INVALID, "manifest.json is no list");
    for (size_t i = 0; r >= 0 && i < json_array_size(list); i++)
        r = read_item(x, json_array_get(list, i), e);
    return r;
}

int documents_read(struct reading *x, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(ARCHIVE_MAX_DOCUMENT_BYTES + 1);
    int r = member_read(x, "oci-layout", &b, e);

    buf_reset(&b);
    if (r >= 0) {
        r = member_read(x, "index.json", &b, e);
        if (r != -SHALE_NOT_FOUND)
            return r < 0 ? r : read_index(x, &b, e);
    }
    if (r == -SHALE_NOT_FOUND && !x->is_folder)
        r = member_read(x, "manifest.json", &b, e);
    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_INVALID,
                       "this is no archive of images: it has neither oci-layout with index.json "
                       "nor manifest.json");
    return r < 0 ? r : read_docker(x, &b, e);
}

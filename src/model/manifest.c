/* SPDX-License-Identifier: Apache-2.0 */
#include "model/manifest.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/limits.h"

/* ---- descriptors ---- */

struct descriptor_doc {
    struct descriptor d;
    const char *digest;
    const json_t *platform;
};

static const struct json_field descriptor_fields[] = {
    {"mediaType", JB_STR, offsetof(struct descriptor_doc, d.media_type), 0},
    {"digest", JB_STR, offsetof(struct descriptor_doc, digest), JB_REQUIRED},
    {"size", JB_U64, offsetof(struct descriptor_doc, d.size_bytes), JB_REQUIRED},
    {"urls", JB_STRV, offsetof(struct descriptor_doc, d.urls), 0},
    {"annotations", JB_STRMAP, offsetof(struct descriptor_doc, d.annotations), 0},
    {"artifactType", JB_STR, offsetof(struct descriptor_doc, d.artifact_type), 0},
    {"platform", JB_OBJECT, offsetof(struct descriptor_doc, platform), 0},
};

static const struct json_field platform_fields[] = {
    {"os", JB_STR, offsetof(struct platform, os), 0},
    {"architecture", JB_STR, offsetof(struct platform, arch), 0},
    {"variant", JB_STR, offsetof(struct platform, variant), 0},
    {"os.version", JB_STR, offsetof(struct platform, os_version), 0},
    {"os.features", JB_STRV, offsetof(struct platform, os_features), 0},
};

static uint64_t size_limit(const struct media *m)
{
    if (m->kind == MEDIA_MANIFEST || m->kind == MEDIA_INDEX)
        return LIMIT_MANIFEST_BYTES;
    return m->kind == MEDIA_CONFIG ? LIMIT_CONFIG_BYTES : LIMIT_BLOB_BYTES;
}

static int bind_platform(const json_t *obj, struct arena *a, struct platform *ret,
                         struct shale_err *e)
{
    struct platform p = {0};
    int r = json_bind(obj, platform_fields, ARRAY_SIZE(platform_fields), &p, a, e);
    if (r < 0)
        return r;
    if (p.os_features.n > LIMIT_OS_FEATURES)
        return err_set(e, SHALE_LIMIT, "platform has %zu os.features, more than %d",
                       p.os_features.n, LIMIT_OS_FEATURES);
    *ret = p;
    return 0;
}

static int bind_descriptor(const json_t *obj, struct arena *a, struct descriptor *ret,
                           struct shale_err *e)
{
    struct descriptor_doc doc = {0};
    if (!json_is_object(obj))
        return err_set(e, SHALE_INVALID, "not an object");
    int r = json_bind(obj, descriptor_fields, ARRAY_SIZE(descriptor_fields), &doc, a, e);
    if (r < 0)
        return r;
    r = digest_parse(doc.digest, &doc.d.digest, e);
    if (r < 0)
        return r;
    if (!doc.d.media_type)
        doc.d.media_type = "";
    uint64_t limit = size_limit(media_find(doc.d.media_type));
    if (doc.d.size_bytes > limit)
        return err_set(e, SHALE_LIMIT, "size %llu is over the limit of %llu bytes",
                       (unsigned long long)doc.d.size_bytes, (unsigned long long)limit);
    if (doc.platform) {
        r = bind_platform(doc.platform, a, &doc.d.platform, e);
        if (r < 0)
            return r;
        doc.d.has_platform = true;
    }
    *ret = doc.d;
    return 0;
}

static int bind_descriptors(const json_t *list, const char *name, size_t limit, struct arena *a,
                            struct descriptor **ret, size_t *ret_n, struct shale_err *e)
{
    size_t n = json_array_size(list);
    if (n > limit)
        return err_set(e, SHALE_LIMIT, "%zu %s, more than %zu", n, name, limit);
    struct descriptor *d = n ? arena_array(a, n, sizeof *d) : NULL;
    if (n && !d)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        int r = bind_descriptor(json_array_get(list, i), a, &d[i], e);
        if (r < 0)
            return err_wrap(e, r, "%s[%zu]", name, i);
    }
    *ret = d;
    *ret_n = n;
    return 0;
}

/* ---- documents ---- */

struct manifest_doc {
    struct manifest m;
    int64_t schema_version;
    const json_t *config, *layers, *manifests, *subject, *fs_layers;
};

static const struct json_field manifest_fields[] = {
    {"schemaVersion", JB_I64, offsetof(struct manifest_doc, schema_version), JB_REQUIRED},
    {"mediaType", JB_STR, offsetof(struct manifest_doc, m.media_type), 0},
    {"artifactType", JB_STR, offsetof(struct manifest_doc, m.artifact_type), 0},
    {"annotations", JB_STRMAP, offsetof(struct manifest_doc, m.annotations), 0},
    {"config", JB_OBJECT, offsetof(struct manifest_doc, config), 0},
    {"layers", JB_ARRAY, offsetof(struct manifest_doc, layers), 0},
    {"manifests", JB_ARRAY, offsetof(struct manifest_doc, manifests), 0},
    {"subject", JB_OBJECT, offsetof(struct manifest_doc, subject), 0},
    {"fsLayers", JB_ARRAY, offsetof(struct manifest_doc, fs_layers), 0},
};

static int refuse_schema1(struct shale_err *e)
{
    return err_set(
        e, SHALE_UNSUPPORTED,
        "Docker Image Format v1 and Docker Image manifest version 2, schema 1 support has "
        "been removed. Suggest the author of the image to upgrade the image to the OCI "
        "Format or Docker Image manifest v2, schema 2. More information at "
        "https://docs.docker.com/go/deprecated-image-specs/");
}

static bool is_document(const struct media *m)
{
    return m->kind == MEDIA_MANIFEST || m->kind == MEDIA_INDEX;
}

/* What the document is: by its own mediaType, else by what the transport says, else by its members.
 */
static int find_media(const struct manifest_doc *doc, const struct media *transport,
                      const struct media **ret, struct shale_err *e)
{
    const char *own = doc->m.media_type;
    char shown[160];
    const struct media *m = media_find(own);
    if (own && *own && !is_document(m))
        return err_set(e, SHALE_UNSUPPORTED, "unsupported manifest media type %s",
                       str_printable(shown, sizeof shown, own));
    if (is_document(m) && is_document(transport) && m != transport)
        return err_set(e, SHALE_INVALID,
                       "manifest media type %s does not match its content type %s", m->type,
                       transport->type);
    if (!is_document(m))
        m = transport;
    if (!is_document(m) && (doc->config || doc->layers))
        m = media_find(MEDIA_OCI_MANIFEST);
    if (!is_document(m) && doc->manifests)
        m = media_find(MEDIA_OCI_INDEX);
    if (!is_document(m))
        return err_set(e, SHALE_INVALID, "neither an image manifest nor an index");
    *ret = m;
    return 0;
}

/* A document that can be read as two things is refused whatever it says it is (CVE-2021-41190). */
static int check_kind(const struct manifest_doc *doc, const struct media *m, struct shale_err *e)
{
    bool image = doc->config || doc->layers;
    if (image && doc->manifests)
        return err_set(e, SHALE_INVALID, "ambiguous manifest: both an image and an index");
    if (m->kind == MEDIA_INDEX && image)
        return err_set(e, SHALE_INVALID, "expected index but found manifest (%s)", m->type);
    if (m->kind == MEDIA_MANIFEST && doc->manifests)
        return err_set(e, SHALE_INVALID, "expected manifest but found index (%s)", m->type);
    if (m->kind == MEDIA_MANIFEST && !doc->config)
        return err_set(e, SHALE_INVALID, "manifest without config");
    return 0;
}

/* `null` is an empty list here, as Go programs write it; a missing member is an error. */
static int check_list(const json_t *root, const char *name, struct shale_err *e)
{
    if (!json_object_get(root, name))
        return err_set(e, SHALE_INVALID, "manifest without %s", name);
    return 0;
}

static int bind_image(const json_t *root, struct manifest_doc *doc, struct arena *a,
                      struct shale_err *e)
{
    int r = check_list(root, "layers", e);
    if (r < 0)
        return r;
    r = bind_descriptor(doc->config, a, &doc->m.config, e);
    if (r < 0)
        return err_wrap(e, r, "config");
    if (doc->m.config.size_bytes > LIMIT_CONFIG_BYTES)
        return err_set(e, SHALE_LIMIT, "config: size %llu is over the limit of %llu bytes",
                       (unsigned long long)doc->m.config.size_bytes,
                       (unsigned long long)LIMIT_CONFIG_BYTES);
    doc->m.kind = MANIFEST_IMAGE;
    return bind_descriptors(doc->layers, "layers", LIMIT_LAYERS, a, &doc->m.layers,
                            &doc->m.n_layers, e);
}

static int bind_index(const json_t *root, struct manifest_doc *doc, struct arena *a,
                      struct shale_err *e)
{
    int r = check_list(root, "manifests", e);
    if (r < 0)
        return r;
    doc->m.kind = MANIFEST_INDEX;
    return bind_descriptors(doc->manifests, "manifests", LIMIT_INDEX_ENTRIES, a, &doc->m.manifests,
                            &doc->m.n_manifests, e);
}

static int bind_document(const json_t *root, const struct media *transport, struct arena *a,
                         struct manifest *ret, struct shale_err *e)
{
    struct manifest_doc doc = {0};
    if (!json_is_object(root))
        return err_set(e, SHALE_INVALID, "not a JSON object");
    int r = json_bind(root, manifest_fields, ARRAY_SIZE(manifest_fields), &doc, a, e);
    if (r < 0)
        return r;
    if (doc.schema_version == 1 || doc.fs_layers ||
        media_find(doc.m.media_type)->kind == MEDIA_SCHEMA1)
        return refuse_schema1(e);
    if (doc.schema_version != 2)
        return err_set(e, SHALE_INVALID, "unsupported schemaVersion %lld",
                       (long long)doc.schema_version);
    r = find_media(&doc, transport, &doc.m.media, e);
    if (r < 0)
        return r;
    r = check_kind(&doc, doc.m.media, e);
    if (r < 0)
        return r;
    if (!doc.m.media_type || !*doc.m.media_type)
        doc.m.media_type = doc.m.media->type;
    r = doc.m.media->kind == MEDIA_INDEX ? bind_index(root, &doc, a, e)
                                         : bind_image(root, &doc, a, e);
    if (r < 0)
        return r;
    if (doc.subject) {
        r = bind_descriptor(doc.subject, a, &doc.m.subject, e);
        if (r < 0)
            return err_wrap(e, r, "subject");
        doc.m.has_subject = true;
    }
    *ret = doc.m;
    return 0;
}

int manifest_parse(const void *p, size_t n, const char *content_type, struct arena *a,
                   struct manifest *ret, struct shale_err *e)
{
    const struct media *transport = media_find(content_type);
    if (transport->kind == MEDIA_SCHEMA1)
        return refuse_schema1(e);
    if (transport->kind == MEDIA_CONFIG || transport->kind == MEDIA_LAYER)
        return err_set(e, SHALE_INVALID, "invalid manifest: content type %s", transport->type);
    _cleanup_json_ json_t *root = NULL;
    int r = json_parse(p, n, LIMIT_MANIFEST_BYTES, &root, e);
    if (r < 0)
        return err_wrap(e, r, "invalid manifest");
    r = bind_document(root, transport, a, ret, e);
    return r < 0 && r != -SHALE_UNSUPPORTED ? err_wrap(e, r, "invalid manifest") : r;
}

/* ---- choosing from an index ---- */

bool descriptor_is_attestation(const struct descriptor *d)
{
    return streq(strmap_get(&d->annotations, "vnd.docker.reference.type"), "attestation-manifest");
}

struct order {
    const struct manifest *m;
    const struct platform *want;
};

/* Entries that say no platform serve anybody, but last; equals keep the order of the index. */
static int compare(const void *x, const void *y, void *arg)
{
    const struct descriptor *a = *(const struct descriptor *const *)x;
    const struct descriptor *b = *(const struct descriptor *const *)y;
    const struct order *o = arg;
    int c = 0;
    if (a->has_platform != b->has_platform)
        return a->has_platform ? -1 : 1;
    if (a->has_platform)
        c = platform_prefer(o->want, &a->platform, &b->platform, false);
    return c != 0 ? c : (a > b) - (a < b);
}

int manifest_select(const struct manifest *m, const struct platform *want, struct arena *a,
                    const struct descriptor ***ret, size_t *ret_n, struct shale_err *e)
{
    const struct descriptor **list = arena_array(a, m->n_manifests + 1, sizeof *list);
    size_t n = 0;
    if (!list)
        return err_nomem(e);
    for (size_t i = 0; i < m->n_manifests; i++) {
        const struct descriptor *d = &m->manifests[i];
        if (descriptor_is_attestation(d) || !is_document(media_find(d->media_type)))
            continue;
        if (!d->has_platform || platform_rank(want, &d->platform, false) >= 0)
            list[n++] = d;
    }
    struct order o = {m, want};
    qsort_r(list, n, sizeof *list, compare, &o);
    *ret = list;
    *ret_n = n;
    return 0;
}

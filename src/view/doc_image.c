/* SPDX-License-Identifier: Apache-2.0 */
/* Images as `docker image inspect` shows them. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "model/media.h"
#include "view/doc.h"

/* Members of Config that docker shows, in its order; other ones are the image's own affair. */
static const char *const config_keys[] = {
    "User",   "ExposedPorts", "Env",         "Entrypoint",  "Cmd",     "Volumes", "WorkingDir",
    "Labels", "StopSignal",   "ArgsEscaped", "Healthcheck", "OnBuild", "Shell",
};

const struct tmpl_field doc_image_fields[] = {
    {"Created", TMPL_ZERO_STRING},
    {"Variant", TMPL_ZERO_STRING},
    {"OsVersion", TMPL_ZERO_STRING},
    {"User", TMPL_ZERO_STRING},
    {"ExposedPorts", TMPL_ZERO_MAP},
    {"Env", TMPL_ZERO_LIST},
    {"Entrypoint", TMPL_ZERO_LIST},
    {"Cmd", TMPL_ZERO_LIST},
    {"Volumes", TMPL_ZERO_MAP},
    {"WorkingDir", TMPL_ZERO_STRING},
    {"Labels", TMPL_ZERO_MAP},
    {"StopSignal", TMPL_ZERO_STRING},
    {"ArgsEscaped", TMPL_ZERO_BOOL},
    {"Healthcheck", TMPL_ZERO_POINTER},
    {"OnBuild", TMPL_ZERO_LIST},
    {"Shell", TMPL_ZERO_LIST},
    {"Descriptor", TMPL_ZERO_POINTER},
    {"Manifests", TMPL_ZERO_LIST},
    {"Interval", TMPL_DURATION},
    {"Timeout", TMPL_DURATION},
    {"StartPeriod", TMPL_DURATION},
    {"StartInterval", TMPL_DURATION},
    {NULL},
};

/* Nothing that Go's omitempty would show? */
static bool is_empty(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        return json_string_length(v) == 0;
    case JSON_ARRAY:
        return json_array_size(v) == 0;
    case JSON_OBJECT:
        return json_object_size(v) == 0;
    case JSON_INTEGER:
        return json_integer_value(v) == 0;
    case JSON_NULL:
    case JSON_FALSE:
        return true;
    default:
        return false;
    }
}

static json_t *config_of(const json_t *image)
{
    struct doc d = doc_begin();
    json_t *ret = NULL;
    const json_t *config = json_object_get(image, "config");
    for (size_t i = 0; i < ARRAY_SIZE(config_keys); i++) {
        json_t *v = json_object_get(config, config_keys[i]);
        if (v && !is_empty(v))
            doc_put(&d, config_keys[i], json_incref(v));
    }
    return doc_end(&d, &ret, NULL) < 0 ? NULL : ret;
}

static json_t *tags_of(const struct shale_image *image)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < image->n_names; i++) {
        const struct shale_image_name *n = &image->names[i];
        if (n->tag && json_array_append_new(list, json_sprintf("%s:%s", n->repo, n->tag)) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *driver_of(const struct shale_image_detail *i)
{
    struct doc data = doc_begin(), d = doc_begin();
    json_t *ret = NULL, *j = NULL;
    doc_str_opt(&data, "Index", i->driver_index);
    doc_str_opt(&data, "LowerDir", i->driver_lower);
    doc_put(&d, "Data", doc_end(&data, &j, NULL) < 0 ? NULL : j);
    doc_str(&d, "Name", i->driver);
    return doc_end(&d, &ret, NULL) < 0 ? NULL : ret;
}

static json_t *rootfs_of(const struct shale_image_detail *i)
{
    struct doc d = doc_begin();
    json_t *ret = NULL, *layers = json_array();
    for (size_t k = 0; layers && k < i->n_layers; k++)
        if (json_array_append_new(layers, doc_string(i->layers[k].diff_id)) < 0)
            d.failed = true;
    doc_str(&d, "Type", "layers");
    doc_put(&d, "Layers", layers);
    return doc_end(&d, &ret, NULL) < 0 ? NULL : ret;
}

static json_t *metadata_of(const struct shale_image_detail *i)
{
    struct doc d = doc_begin();
    json_t *ret = NULL;
    doc_time(&d, "LastTagTime", i->last_tagged_ns);
    return doc_end(&d, &ret, NULL) < 0 ? NULL : ret;
}

json_t *doc_descriptor(const char *type, const char *digest, uint64_t n_bytes)
{
    struct doc d = doc_begin();
    doc_str(&d, "mediaType", type);
    doc_str(&d, "digest", digest);
    doc_int(&d, "size", (int64_t)n_bytes);
    return doc_take(&d);
}

json_t *doc_platform(const char *text)
{
    size_t n_os = strcspn(text, "/"), n_arch;
    const char *arch = text + n_os + (text[n_os] == '/'), *variant;
    struct doc d = doc_begin();
    n_arch = strcspn(arch, "/");
    variant = arch + n_arch + (arch[n_arch] == '/');
    doc_put(&d, "architecture", json_stringn_nocheck(arch, n_arch));
    doc_put(&d, "os", json_stringn_nocheck(text, n_os));
    doc_str_opt(&d, "variant", variant);
    return doc_take(&d);
}

/* As the engine's API has them ("manifests"), with the types of the statements besides. */
static json_t *attestation_of(const struct shale_image_detail *i, const struct shale_attestation *x)
{
    struct doc data = doc_begin(), d = doc_begin();
    json_t *ret = NULL, *about = NULL;
    size_t n = 0;

    while (x->predicates[n])
        n++;
    doc_str(&data, "For", i->manifest_digest);
    doc_put(&data, "PredicateTypes", doc_strings(x->predicates, n));
    doc_str(&d, "ID", x->digest);
    doc_put(&d, "Descriptor", doc_descriptor(MEDIA_OCI_MANIFEST, x->digest, x->size_bytes));
    doc_bool(&d, "Available", x->available);
    doc_str(&d, "Kind", "attestation");
    doc_put(&d, "AttestationData", doc_end(&data, &about, NULL) < 0 ? NULL : about);
    return doc_end(&d, &ret, NULL) < 0 ? NULL : ret;
}

/* The image itself, then what is attached to it. */
static json_t *manifests_of(const struct shale_image_detail *i)
{
    struct doc d = doc_begin();
    json_t *list = json_array(), *image = NULL;

    doc_str(&d, "ID", i->manifest_digest);
    doc_put(&d, "Descriptor",
            doc_descriptor(i->manifest_type, i->manifest_digest, i->manifest_bytes));
    doc_bool(&d, "Available", true);
    doc_str(&d, "Kind", "image");
    int bad = doc_end(&d, &image, NULL) < 0 || json_array_append_new(list, image) < 0;
    for (size_t k = 0; !bad && k < i->n_attestations; k++)
        bad = json_array_append_new(list, attestation_of(i, &i->attestations[k])) < 0;
    if (!bad)
        return list;
    json_decref(list);
    return NULL;
}

int doc_image(const struct shale_image_detail *i, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *config = NULL;
    int r = json_parse(i->config_json, i->config_json_bytes, DOC_MAX_JSON, &config, e);
    if (r < 0)
        return err_wrap(e, r, "image config of %s", i->image.id);
    struct doc d = doc_begin();
    doc_str(&d, "Id", i->image.id);
    doc_put(&d, "RepoTags", tags_of(&i->image));
    doc_put(&d, "RepoDigests", doc_strings(i->image.digests, i->image.n_digests));
    doc_str(&d, "Parent", i->image.parent);
    doc_str(&d, "Comment", i->comment);
    if (i->image.created_ns != TIME_NONE)
        doc_time(&d, "Created", i->image.created_ns);
    doc_str(&d, "DockerVersion", i->docker_version);
    doc_str(&d, "Author", i->author);
    doc_put(&d, "Config", config_of(config));
    doc_str(&d, "Architecture", i->image.arch);
    doc_str_opt(&d, "Variant", i->image.variant);
    doc_str(&d, "Os", i->image.os);
    doc_str_opt(&d, "OsVersion", i->os_version);
    doc_int(&d, "Size", (int64_t)i->image.size_bytes);
    doc_put(&d, "GraphDriver", driver_of(i));
    doc_put(&d, "RootFS", rootfs_of(i));
    doc_put(&d, "Metadata", metadata_of(i));
    if (i->target_digest && *i->target_digest)
        doc_put(&d, "Descriptor",
                doc_descriptor(i->target_type, i->target_digest, i->target_bytes));
    if (i->n_attestations)
        doc_put(&d, "Manifests", manifests_of(i));
    return doc_end(&d, ret, e);
}

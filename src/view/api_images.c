/* SPDX-License-Identifier: Apache-2.0 */
#include "view/api_images.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "view/doc.h"
#include "view/removed.h"

/* The list with one more value; NULL, and nothing is left, when that fails. Takes both. */
static json_t *grown(json_t *list, json_t *v)
{
    if (list && v && json_array_append_new(list, v) == 0)
        return list;
    if (!list)
        json_decref(v);
    json_decref(list);
    return NULL;
}

static int given(json_t *j, json_t **ret, struct shale_err *e)
{
    if (!j)
        return err_nomem(e);
    *ret = j;
    return 0;
}

/* ---- the list ---- */

/* Before 1.43 an image without names had a pair of placeholders. */
#define PLACEHOLDERS_UNTIL 142

static bool is_nameless(const struct shale_image *i, int version)
{
    return version <= PLACEHOLDERS_UNTIL && i->n_names == 0 && i->n_digests == 0;
}

static void put_tags(struct json_put *w, const struct shale_image *i, int version)
{
    json_put_open(w, "RepoTags", '[');
    for (size_t k = 0; k < i->n_names; k++)
        if (i->names[k].tag)
            json_put_joined(w, NULL, i->names[k].repo, ":", i->names[k].tag);
    if (is_nameless(i, version))
        json_put_str(w, NULL, "<none>:<none>");
    json_put_close(w, ']');
}

static void put_digests(struct json_put *w, const struct shale_image *i, int version)
{
    json_put_open(w, "RepoDigests", '[');
    for (size_t k = 0; k < i->n_digests; k++)
        json_put_str(w, NULL, i->digests[k]);
    if (is_nameless(i, version))
        json_put_str(w, NULL, "<none>@<none>");
    json_put_close(w, ']');
}

/* ---- manifests behind a name ---- */

static json_t *image_data_of(const struct shale_platform_entry *p)
{
    struct doc d = doc_begin();
    size_t n = 0;
    while (p->containers[n])
        n++;
    doc_put(&d, "Platform", doc_platform(p->platform));
    doc_put(&d, "Containers", doc_strings(p->containers, n));
    doc_put(&d, "Size", json_pack("{s:I}", "Unpacked", (json_int_t)p->size_bytes));
    return doc_take(&d);
}

static json_t *manifest_of(const struct shale_platform_entry *p)
{
    json_t *desc = doc_descriptor(p->media_type, p->digest, p->manifest_bytes);
    struct doc d = doc_begin();
    /* of images alone: other ones say "unknown/unknown" */
    if (desc && !p->attestation)
        (void)json_object_set_new(desc, "platform", doc_platform(p->platform));
    doc_str(&d, "ID", p->digest);
    doc_put(&d, "Descriptor", desc);
    doc_bool(&d, "Available", p->available);
    doc_put(&d, "Size",
            json_pack("{s:I, s:I}", "Content", (json_int_t)p->content_bytes, "Total",
                      (json_int_t)p->content_bytes + (json_int_t)p->size_bytes));
    doc_str(&d, "Kind", p->attestation ? "attestation" : "image");
    if (p->attestation)
        doc_put(&d, "AttestationData", json_pack("{s:s}", "For", p->about));
    else
        doc_put(&d, "ImageData", image_data_of(p));
    return doc_take(&d);
}

static json_t *manifests_of(const struct shale_platform_list *l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->n_items; i++)
        list = grown(list, manifest_of(&l->items[i]));
    return list;
}

/* ---- documents ---- */

int api_put_image_summary(struct json_put *w, const struct api_image *x, int version,
                          struct shale_err *e)
{
    const struct shale_image *i = x->image;
    bool counted = x->counted || version >= 151;
    json_put_open(w, NULL, '{');
    json_put_int(w, "Containers", counted ? (int64_t)i->n_containers : -1);
    json_put_int(w, "Created", i->created_ns == TIME_NONE ? 0 : i->created_ns / NS_PER_S);
    if (x->platforms && version >= 148)
        json_put_new(
            w, "Descriptor",
            doc_descriptor(x->platforms->target_type, i->target, x->platforms->target_bytes));
    json_put_str(w, "Id", i->id);
    int r = json_put_text(w, "Labels", i->labels_json, e);
    if (x->platforms)
        json_put_new(w, "Manifests", manifests_of(x->platforms));
    json_put_str(w, "ParentId", i->parent);
    put_digests(w, i, version);
    put_tags(w, i, version);
    json_put_int(w, "SharedSize", x->shared_bytes);
    json_put_int(w, "Size", (int64_t)i->size_bytes);
    if (version <= 143)
        json_put_int(w, "VirtualSize", (int64_t)i->size_bytes);
    json_put_close(w, '}');
    return r;
}

/* Members of Config that were always there before the API gave an image's own configuration. */
static int add_old_config(json_t *config)
{
    static const struct {
        const char *key, *value;
    } zero[] = {
        {"Hostname", "\"\""},     {"Domainname", "\"\""},    {"User", "\"\""},
        {"AttachStdin", "false"}, {"AttachStdout", "false"}, {"AttachStderr", "false"},
        {"Tty", "false"},         {"OpenStdin", "false"},    {"StdinOnce", "false"},
        {"Env", "null"},          {"Cmd", "null"},           {"Image", "\"\""},
        {"Volumes", "null"},      {"WorkingDir", "\"\""},    {"Entrypoint", "null"},
        {"OnBuild", "null"},      {"Labels", "null"},
    };
    for (size_t k = 0; k < ARRAY_SIZE(zero); k++) {
        if (json_object_get(config, zero[k].key))
            continue;
        json_t *v = json_loads(zero[k].value, JSON_DECODE_ANY, NULL);
        if (!v || json_object_set_new(config, zero[k].key, v) < 0)
            return -1;
    }
    return 0;
}

/* Before 1.45 there was the container that an image was committed from. None is noted here. */
static int add_container(json_t *image)
{
    _cleanup_json_ json_t *config = json_object();
    return !config || add_old_config(config) < 0 ||
                   json_object_set_new(image, "Container", json_string("")) < 0 ||
                   json_object_set(image, "ContainerConfig", config) < 0
               ? -1
               : 0;
}

/* Manifests, which come only when they are asked for. */
static int put_manifests(json_t *image, const struct shale_platform_list *platforms)
{
    (void)json_object_del(image, "Manifests");
    return platforms ? json_object_set_new(image, "Manifests", manifests_of(platforms)) : 0;
}

int api_doc_image(const struct shale_image_detail *i, const struct shale_platform_list *platforms,
                  int version, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;
    int r = doc_image(i, &j, e);
    if (r < 0)
        return r;
    if (version < 150 && add_old_config(json_object_get(j, "Config")) < 0)
        return err_nomem(e);
    if (version < 145 && add_container(j) < 0)
        return err_nomem(e);
    if (version <= 143 &&
        json_object_set_new(j, "VirtualSize", json_integer((json_int_t)i->image.size_bytes)) < 0)
        return err_nomem(e);
    if (put_manifests(j, platforms) < 0)
        return err_nomem(e);
    if (version < 148)
        (void)json_object_del(j, "Descriptor");
    *ret = TAKE_PTR(j);
    return 0;
}

static json_t *step_of(const struct shale_history_item *h)
{
    struct doc d = doc_begin();
    json_t *tags = h->tags ? json_array() : json_null();
    for (size_t k = 0; h->tags && h->tags[k]; k++)
        tags = grown(tags, doc_string(h->tags[k]));
    doc_str(&d, "Comment", h->comment);
    doc_int(&d, "Created", h->created_ns == TIME_NONE ? 0 : h->created_ns / NS_PER_S);
    doc_str(&d, "CreatedBy", h->created_by);
    doc_str(&d, "Id", h->id);
    doc_int(&d, "Size", (int64_t)h->size_bytes);
    doc_put(&d, "Tags", tags);
    return doc_take(&d);
}

int api_doc_history(const struct shale_history *h, json_t **ret, struct shale_err *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < h->n_items; i++)
        list = grown(list, step_of(&h->items[i]));
    return given(list, ret, e);
}

static json_t *found_of(const struct shale_repository *r)
{
    struct doc d = doc_begin();
    doc_int(&d, "star_count", r->stars);
    doc_bool(&d, "is_official", r->official);
    doc_str(&d, "name", r->name);
    doc_bool(&d, "is_automated", false);
    doc_str(&d, "description", r->description);
    return doc_take(&d);
}

int api_doc_search(const struct shale_repository_list *l, json_t **ret, struct shale_err *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->n_items; i++)
        list = grown(list, found_of(&l->items[i]));
    return given(list, ret, e);
}

static json_t *entry_platform(const struct shale_manifest_entry *m)
{
    struct doc d = doc_begin();
    doc_str(&d, "architecture", m->architecture);
    doc_str(&d, "os", m->os);
    doc_str_opt(&d, "os.version", m->os_version);
    if (m->n_os_features)
        doc_put(&d, "os.features", doc_strings(m->os_features, m->n_os_features));
    doc_str_opt(&d, "variant", m->variant);
    return doc_take(&d);
}

int api_doc_distribution(const struct shale_manifest *m, const struct shale_list *one, json_t **ret,
                         struct shale_err *e)
{
    struct doc d = doc_begin(), desc = doc_begin();
    json_t *platforms = json_array();
    doc_str(&desc, "mediaType", m->media_type);
    doc_str(&desc, "digest", m->digest);
    doc_int(&desc, "size", (int64_t)m->text_n);
    doc_put(&d, "Descriptor", doc_take(&desc));
    for (size_t i = 0; i < m->n_entries; i++)
        if (*m->entries[i].os)
            platforms = grown(platforms, entry_platform(&m->entries[i]));
    for (size_t i = 0; one && i < one->n_members; i++)
        if (*one->members[i].entry.os || *one->members[i].entry.architecture)
            platforms = grown(platforms, entry_platform(&one->members[i].entry));
    doc_put(&d, "Platforms", platforms);
    return doc_end(&d, ret, e);
}

int api_doc_removed(const struct shale_rmi_result *r, json_t **ret, struct shale_err *e)
{
    return given(removed_doc(r->items, r->n_items), ret, e);
}

int api_doc_pruned(const struct shale_rmi_result *r, json_t **ret, struct shale_err *e)
{
    struct doc d = doc_begin();
    doc_put(&d, "ImagesDeleted", r->n_items ? removed_doc(r->items, r->n_items) : json_null());
    doc_int(&d, "SpaceReclaimed", (int64_t)r->freed_bytes);
    return doc_end(&d, ret, e);
}

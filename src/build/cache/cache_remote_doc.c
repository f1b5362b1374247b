/* SPDX-License-Identifier: Apache-2.0 */
#include "build/cache/cache_remote_doc.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "model/limits.h"

#define ALG "sha256:"

/* ---- reading ---- */

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static int64_t time_of(const json_t *o)
{
    const char *text = text_of(o, "createdAt");
    int64_t t;

    return text && time_parse_rfc3339(text, &t, NULL) >= 0 ? t : TIME_NONE;
}

/* What cannot be fetched stays a layer, so that those behind it keep their numbers. */
static int take_layer(const json_t *o, struct arena *a, struct cache_doc_layer *ret,
                      struct shale_err *e)
{
    const json_t *notes = json_object_get(o, "annotations");
    const char *blob = text_of(o, "blob"), *diff_id = text_of(notes, "diffID");
    const char *type = text_of(notes, "mediaType");
    json_int_t size = json_integer_value(json_object_get(notes, "size"));

    *ret = (struct cache_doc_layer){.size_bytes = size > 0 ? (uint64_t)size : 0};
    if (blob && digest_parse(blob, &ret->blob, NULL) < 0)
        ret->blob = (struct digest){""};
    if (diff_id && digest_parse(diff_id, &ret->diff_id, NULL) < 0)
        ret->diff_id = (struct digest){""};
    ret->media_type = arena_strdup(a, type ? type : "");
    return ret->media_type ? 0 : err_nomem(e);
}

static int take_layers(const json_t *list, struct arena *a, struct cache_doc *ret,
                       struct shale_err *e)
{
    size_t n = json_array_size(list);
    int r = 0;

    if (n > CACHE_DOC_LAYERS)
        return err_set(e, SHALE_LIMIT, "more than %d layers in a cache", CACHE_DOC_LAYERS);
    ret->layers = arena_array(a, n + 1, sizeof *ret->layers);
    if (!ret->layers)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = take_layer(json_array_get(list, i), a, &ret->layers[i], e);
    ret->n_layers = n;
    return r;
}

static bool take_key(const char *text, char ret[65])
{
    struct digest d;

    if (!text || !str_has_prefix(text, ALG) || digest_parse(text, &d, NULL) < 0)
        return false;
    memcpy(ret, digest_hex(&d), 65);
    return true;
}

/* "layers":[{"layer":0}], or "chains":[{"layers":[]}] of a step that changed no file. */
static bool take_result(const json_t *o, size_t n_layers, struct cache_doc_record *ret)
{
    const json_t *one = json_array_get(json_object_get(o, "layers"), 0);
    const json_t *at = json_object_get(one, "layer");

    if (json_is_integer(at)) {
        json_int_t i = json_integer_value(at);
        ret->layer = i >= 0 ? (size_t)i : n_layers;
        ret->created_ns = time_of(one);
        return ret->layer < n_layers;
    }
    one = json_array_get(json_object_get(o, "chains"), 0);
    at = json_object_get(one, "layers");
    ret->layer = CACHE_DOC_NONE;
    ret->created_ns = time_of(one);
    return !json_object_get(o, "layers") && json_is_array(at) && json_array_size(at) == 0;
}

static int take_records(const json_t *list, size_t n_layers, struct arena *a, struct cache_doc *ret,
                        struct shale_err *e)
{
    size_t n = json_array_size(list);

    if (n > CACHE_DOC_RECORDS)
        return err_set(e, SHALE_LIMIT, "more than %d records in a cache", CACHE_DOC_RECORDS);
    ret->records = arena_array(a, n + 1, sizeof *ret->records);
    if (!ret->records)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(list, i);
        struct cache_doc_record *x = &ret->records[ret->n_records];
        if (json_array_size(json_object_get(o, "inputs")) == 0 &&
            take_key(text_of(o, "digest"), x->key) && take_result(o, n_layers, x))
            ret->n_records++;
    }
    return 0;
}

int cache_doc_parse(const void *p, size_t n, struct arena *a, struct cache_doc *ret,
                    struct shale_err *e)
{
    _cleanup_json_ json_t *doc = NULL;
    int r = json_parse(p, n, LIMIT_CONFIG_BYTES, &doc, e);

    *ret = (struct cache_doc){.n_layers = 0};
    if (r >= 0 && !json_is_object(doc))
        r = err_set(e, SHALE_INVALID, "the document of a cache is no object");
    if (r >= 0)
        r = take_layers(json_object_get(doc, "layers"), a, ret, e);
    return r < 0 ? r : take_records(json_object_get(doc, "records"), ret->n_layers, a, ret, e);
}

int cache_doc_parse_inline(const void *p, size_t n, size_t n_layers, struct arena *a,
                           struct cache_doc *ret, struct shale_err *e)
{
    _cleanup_json_ json_t *list = NULL;
    int r = json_parse(p, n, LIMIT_CONFIG_BYTES, &list, e);

    *ret = (struct cache_doc){.n_layers = 0};
    if (r >= 0 && !json_is_array(list))
        r = err_set(e, SHALE_INVALID, "the records of a cache are no list");
    return r < 0 ? r : take_records(list, n_layers, a, ret, e);
}

/* ---- writing ---- */

static json_t *write_layer(const struct cache_doc_layer *l)
{
    return json_pack("{s:s,s:i,s:{s:s,s:s,s:I}}", "blob", l->blob.s, "parent", -1, "annotations",
                     "mediaType", l->media_type, "diffID", l->diff_id.s, "size",
                     (json_int_t)l->size_bytes);
}

static json_t *write_record(const struct cache_doc_record *x)
{
    char key[sizeof ALG + 64], at[40];

    (void)snprintf(key, sizeof key, ALG "%s", x->key);
    json_t *one = x->layer == CACHE_DOC_NONE ? json_pack("{s:[]}", "layers")
                                             : json_pack("{s:I}", "layer", (json_int_t)x->layer);
    if (x->created_ns != TIME_NONE && one &&
        json_object_set_new(one, "createdAt",
                            json_string(time_format_rfc3339nano(x->created_ns, at))) < 0) {
        json_decref(one);
        return NULL;
    }
    return json_pack("{s:s,s:[o]}", "digest", key, x->layer == CACHE_DOC_NONE ? "chains" : "layers",
                     one);
}

int cache_doc_write_inline(const struct cache_doc *d, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0; !bad && i < d->n_records; i++)
        bad = json_array_append_new(list, write_record(&d->records[i])) < 0;
    if (bad)
        return err_nomem(e);
    *ret = json_incref(list);
    return 0;
}

int cache_doc_write(const struct cache_doc *d, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *layers = json_array(), *records = NULL;
    int r = layers ? cache_doc_write_inline(d, &records, e) : err_nomem(e);

    for (size_t i = 0; r >= 0 && i < d->n_layers; i++)
        if (json_array_append_new(layers, write_layer(&d->layers[i])) < 0)
            r = err_nomem(e);
    if (r < 0)
        return r;
    *ret = json_pack("{s:O,s:O}", "layers", layers, "records", records);
    return *ret ? 0 : err_nomem(e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a cache elsewhere: what the steps of this build gave, found or made. */
#include <stdlib.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/pool.h"
#include "base/str.h"
#include "build/cache/cache_remote_dir.h"
#include "build/cache/cache_remote_priv.h"
#include "model/limits.h"

#define PARALLEL 4

struct output {
    struct build *b;
    const struct cache_place *place;
    struct arena a;
    struct cache_doc doc;
    struct source *from;
    struct sink *to;
    json_t *config, *manifest;
};

static void output_clear(struct output *o)
{
    if (o->to)
        o->to->ops->close(o->to);
    if (o->from)
        o->from->ops->close(o->from);
    json_decref(o->config);
    json_decref(o->manifest);
    arena_clear(&o->a);
}

/* ---- what goes out: the same steps give the same bytes ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct cache_note *)a)->key, ((const struct cache_note *)b)->key);
}

static int by_digest(const void *a, const void *b)
{
    return strcmp(((const struct cache_doc_layer *)a)->diff_id.s,
                  ((const struct cache_doc_layer *)b)->diff_id.s);
}

static bool is_final(const struct cache_remote *x, const struct digest *d)
{
    for (size_t i = 0; i < x->n_final; i++)
        if (digest_eq(&x->final[i], d))
            return true;
    return false;
}

/* mode=min leaves out steps whose layers are in no image. */
static bool goes(const struct cache_remote *x, const struct cache_note *v, bool all)
{
    return all || !digest_is_set(&v->layer.diff_id) || is_final(x, &v->layer.diff_id);
}

/* A layer of another cache, here now. */
static int fetch_promised(struct build *b, const struct cache_record *v, struct cancel *c,
                          struct meta_image_layer *ret, struct shale_err *e)
{
    *ret = (struct meta_image_layer){v->diff_id, v->layer->digest};
    int r = cache_remote_need(b, ret, 1, e);

    if (r == -SHALE_CANCELED && !cancel_is_set(c))
        return err_set(e, SHALE_CORRUPT, "layer %s of another cache cannot be had", v->diff_id.s);
    return r;
}

/* A layer that another cache has goes as that has it, unless all are to be of one kind: then it is
 * fetched. */
static bool is_remade(const struct output *o)
{
    return o->place && o->place->compression.given && o->place->compression.force;
}

static int describe(struct output *o, const struct meta_image_layer *from,
                    struct cache_doc_layer *ret, struct shale_err *e)
{
    const struct cache_record *v = cache_remote_promised(o->b->remote, &from->diff_id);
    struct meta_image_layer l = *from;
    struct meta_blob row;
    int r = 0;

    if (v && is_remade(o)) {
        r = fetch_promised(o->b, v, o->b->cancel, &l, e);
    } else if (v) {
        *ret = (struct cache_doc_layer){.blob = v->layer->digest,
                                        .diff_id = v->diff_id,
                                        .size_bytes = v->layer->size_bytes,
                                        .media_type = v->layer->media_type};
        return 0;
    }
    if (r >= 0 && o->place && o->place->compression.given)
        r = compress_layer(o->b, &o->place->compression, &l, e);
    if (r >= 0)
        r = meta_blob_get(store_meta(o->b->store), &l.blob, &o->a, &row, e);
    if (r >= 0)
        *ret = (struct cache_doc_layer){.blob = l.blob,
                                        .diff_id = l.diff_id,
                                        .size_bytes = row.size_bytes,
                                        .media_type = row.media_type};
    return r;
}

/* Of a cache that has turned out not to have what it promises. */
static bool is_lost(struct cache_remote *x, const struct digest *diff_id)
{
    const struct cache_record *v = cache_remote_promised(x, diff_id);

    return v && cache_remote_lost(x, v->from);
}

/* Records go with their layers. */
static int collect_layers(struct output *o, bool all, struct shale_err *e)
{
    struct cache_remote *x = o->b->remote;
    struct cache_doc *d = &o->doc;
    size_t n = 0, kept = 0;
    int r = 0;

    d->layers = arena_array(&o->a, x->n_notes + 1, sizeof *d->layers);
    if (!d->layers)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < x->n_notes; i++)
        if (digest_is_set(&x->notes[i].layer.diff_id) && goes(x, &x->notes[i], all) &&
            !is_lost(x, &x->notes[i].layer.diff_id))
            r = describe(o, &x->notes[i].layer, &d->layers[n++], e);
    if (r < 0)
        return r;
    if (n)
        qsort(d->layers, n, sizeof *d->layers, by_digest);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || !digest_eq(&d->layers[i].diff_id, &d->layers[kept - 1].diff_id))
            d->layers[kept++] = d->layers[i];
    d->n_layers = kept;
    return kept > CACHE_DOC_LAYERS
               ? err_set(e, SHALE_LIMIT, "a cache of more than %d layers", CACHE_DOC_LAYERS)
               : 0;
}

/* The number of the record's layer; n: it is not among them. */
static size_t place_of(const struct digest *diff_id, const struct cache_doc_layer *v, size_t n)
{
    size_t i = 0;

    while (i < n && !digest_eq(&v[i].diff_id, diff_id))
        i++;
    return i;
}

/* by: those of this platform only; NULL: all. */
static int collect_records(struct output *o, bool all, const struct build *by, struct shale_err *e)
{
    struct cache_remote *x = o->b->remote;
    struct cache_doc *d = &o->doc;
    const char *last = NULL;

    d->records = arena_array(&o->a, x->n_notes + 1, sizeof *d->records);
    if (!d->records)
        return err_nomem(e);
    if (x->n_notes)
        qsort(x->notes, x->n_notes, sizeof *x->notes, by_key);
    for (size_t i = 0; i < x->n_notes; i++) {
        const struct cache_note *v = &x->notes[i];
        struct cache_doc_record *to = &d->records[d->n_records];
        if (streq(v->key, last) || (by && v->by != by) || !goes(x, v, all))
            continue;
        last = v->key;
        *to = (struct cache_doc_record){.layer = CACHE_DOC_NONE, .created_ns = v->created_ns};
        memcpy(to->key, v->key, sizeof to->key);
        if (digest_is_set(&v->layer.diff_id))
            to->layer = place_of(&v->layer.diff_id, d->layers, d->n_layers);
        d->n_records += to->layer == CACHE_DOC_NONE || to->layer < d->n_layers;
    }
    return d->n_records > CACHE_DOC_RECORDS
               ? err_set(e, SHALE_LIMIT, "a cache of more than %d records", CACHE_DOC_RECORDS)
               : 0;
}

/* ---- inline ---- */

/* Layers of the image, in its order. */
int cache_remote_inline(struct build *b, json_t *config, struct shale_err *e)
{
    const struct state *s = &b->target->state;
    struct output o = {.b = b, .a = ARENA_INIT(CACHE_REMOTE_BYTES)};
    _cleanup_(buf_clear) struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
    int r;

    if (!b->remote || !b->remote->is_inline)
        return 0;
    o.doc.layers = arena_array(&o.a, s->n_layers + 1, sizeof *o.doc.layers);
    for (size_t i = 0; o.doc.layers && i < s->n_layers; i++)
        o.doc.layers[i].diff_id = s->layers[i].diff_id;
    o.doc.n_layers = s->n_layers;
    r = o.doc.layers ? collect_records(&o, true, b, e) : err_nomem(e);
    if (r >= 0)
        r = cache_doc_write_inline(&o.doc, &o.config, e);
    if (r >= 0) {
        _cleanup_free_ char *json = json_text(o.config);
        if (json)
            base64_add(0, json, strlen(json), &text);
        r = json ? buf_check(&text, e) : err_nomem(e);
    }
    if (r >= 0 && json_object_set_new(config, CACHE_DOC_INLINE, json_string(buf_str(&text))) < 0)
        r = err_nomem(e);
    output_clear(&o);
    return r;
}

/* ---- a place ---- */

static int open_place(struct output *o, const struct cache_place *p, const char **ret_tag,
                      struct shale_err *e)
{
    struct remote_client *client = NULL;
    struct remote_sink_opts so = {.notes_dir = NULL};
    struct ref ref;
    int r;

    *ret_tag = p->tag;
    if (p->type == CACHE_LOCAL)
        return cache_dir_sink_open(p->where, &o->to, e);
    r = cache_remote_ref(p, &o->a, &ref, e);
    if (r >= 0)
        r = cache_remote_client(o->b->remote, &client, e);
    if (r >= 0)
        r = remote_sink_open(client, &ref, &so, &o->to, e);
    if (r >= 0)
        *ret_tag = ref.tag;
    return r;
}

static json_t *descriptor(const char *type, const char *digest, uint64_t size)
{
    return json_pack("{s:s,s:s,s:I}", "mediaType", type, "digest", digest, "size",
                     (json_int_t)size);
}

static int describe_text(const char *type, const char *text, struct descriptor *ret,
                         struct shale_err *e)
{
    *ret = (struct descriptor){.media_type = type, .size_bytes = strlen(text)};
    return digest_of_bytes(HASH_SHA256, text, strlen(text), &ret->digest, e);
}

static int make_manifest(struct output *o, const struct descriptor *config, struct shale_err *e)
{
    _cleanup_json_ json_t *layers = json_array();
    int bad = !layers;

    for (size_t i = 0; !bad && i < o->doc.n_layers; i++) {
        const struct cache_doc_layer *l = &o->doc.layers[i];
        bad =
            json_array_append_new(layers, descriptor(l->media_type, l->blob.s, l->size_bytes)) < 0;
    }
    if (!bad)
        o->manifest = json_pack(
            "{s:i,s:s,s:o,s:O}", "schemaVersion", 2, "mediaType", MEDIA_OCI_MANIFEST, "config",
            descriptor(config->media_type, config->digest.s, config->size_bytes), "layers", layers);
    return o->manifest ? 0 : err_nomem(e);
}

/* What was not fetched so far goes from where it is, if it is not where it is to go already. A
 * registry looks itself at what it gets, nobody does so in a folder. Where it does not work,
 * fetching it shows whose fault that is. */
static int send_promised(const struct output *o, const struct cache_record *v, struct cancel *c,
                         struct shale_err *e)
{
    struct meta_image_layer l;
    struct source *from = o->b->remote->sources[v->from];
    struct shale_err why = SHALE_ERR_INIT;
    int r;

    if (o->place->type == CACHE_REGISTRY) {
        r = o->to->ops->blob(o->to, v->layer, &v->diff_id, from, c, &why);
        if (r >= 0)
            return 0;
    }
    r = cancel_check(c, e);
    if (r >= 0)
        r = o->to->ops->has(o->to, v->layer, e);
    if (r != 0)
        return r < 0 ? r : 0;
    r = fetch_promised(o->b, v, c, &l, e);
    return r < 0 ? r : o->to->ops->blob(o->to, v->layer, &v->diff_id, o->from, c, e);
}

static int send_layer(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    const struct output *o = arg;
    const struct cache_doc_layer *l = &o->doc.layers[i];
    const struct descriptor d = {
        .media_type = l->media_type, .digest = l->blob, .size_bytes = l->size_bytes};
    const struct cache_record *v = cache_remote_promised(o->b->remote, &l->diff_id);

    if (v && !is_remade(o))
        return send_promised(o, v, c, e);
    return o->to->ops->blob(o->to, &d, &l->diff_id, o->from, c, e);
}

/* Layers, then the document, then the manifest under its name. */
static int send(struct output *o, const char *tag, struct shale_err *e)
{
    struct cancel *c = o->b->cancel;
    struct descriptor config = {.size_bytes = 0}, manifest = {.size_bytes = 0};
    int r = cache_doc_write(&o->doc, &o->config, e);
    _cleanup_free_ char *text = r < 0 ? NULL : json_text(o->config);

    if (r >= 0)
        r = text ? describe_text(CACHE_DOC_TYPE, text, &config, e) : err_nomem(e);
    if (r >= 0)
        r = make_manifest(o, &config, e);
    _cleanup_free_ char *list = r < 0 ? NULL : json_text(o->manifest);
    if (r >= 0)
        r = list ? describe_text(MEDIA_OCI_MANIFEST, list, &manifest, e) : err_nomem(e);
    if (r >= 0)
        r = store_source_open(o->b->store, &o->from, e);
    if (r >= 0)
        r = pool_run(send_layer, o, o->doc.n_layers, PARALLEL, c, e);
    if (r >= 0)
        r = o->to->ops->put(o->to, &config, text, config.size_bytes, c, e);
    if (r >= 0)
        r = o->to->ops->settle(o->to, e);
    return r < 0 ? r : o->to->ops->tag(o->to, tag, &manifest, list, manifest.size_bytes, c, e);
}

static size_t n_lost(struct cache_remote *x)
{
    size_t n = 0;

    for (uint32_t i = 0; i < x->from.n; i++)
        n += cache_remote_lost(x, i);
    return n;
}

static int export_once(struct build *b, const struct cache_place *p, struct told *t,
                       struct shale_err *e)
{
    _cleanup_(output_clear) struct output o = {
        .b = b, .place = p, .a = ARENA_INIT(CACHE_REMOTE_BYTES)};
    const char *tag = NULL;
    char text[128];
    int r = collect_layers(&o, p->all, e);

    if (r >= 0)
        r = collect_records(&o, p->all, NULL, e);
    if (r >= 0)
        r = open_place(&o, p, &tag, e);
    if (r >= 0)
        r = send(&o, tag, e);
    if (r < 0)
        return r;
    (void)snprintf(text, sizeof text, "%zu records, %zu layers", o.doc.n_records, o.doc.n_layers);
    told_status(t, text);
    return 0;
}

/* A cache without layers that it has promised costs its records. */
static int export_one(struct build *b, const struct cache_place *p, struct told *t,
                      struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    size_t before, after;
    int r;

    do {
        before = n_lost(b->remote);
        r = export_once(b, p, t, &why);
        after = n_lost(b->remote);
    } while (r < 0 && after > before && !cancel_is_set(b->cancel));
    return r < 0 ? err_set(e, why.code, "%s", why.msg) : 0;
}

static int export_told(struct build *b, const struct cache_place *p, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct told t;
    char name[512];

    (void)snprintf(name, sizeof name, "exporting cache to %.400s", p->where);
    told_begin(b, &t, name);
    int r = export_one(b, p, &t, &why);
    if (r < 0 && p->ignore_error && r != -SHALE_CANCELED) {
        char text[1024];
        (void)snprintf(text, sizeof text, "warning: the cache was not put to %.300s: %s", p->where,
                       why.msg);
        told_warning(b, text);
        r = 0;
    }
    if (r < 0) {
        told_failed(&t, &why);
        err_set(e, why.code, "%s", why.msg);
        return err_wrap(e, r, "--cache-to %.200s", p->where);
    }
    told_end(&t, SHALE_BUILD_DONE);
    return 0;
}

int cache_remote_export(struct build *b, struct shale_err *e)
{
    struct cache_remote *x = b->remote;
    int r = 0;

    for (size_t i = 0; x && r >= 0 && i < x->to.n; i++)
        if (x->to.v[i].type != CACHE_INLINE)
            r = export_told(b, &x->to.v[i], e);
    return r;
}

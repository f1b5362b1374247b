/* SPDX-License-Identifier: Apache-2.0 */
/* Reading caches, and what a build finds in them. */
#include "build/cache/cache_remote.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/cache/cache_remote_dir.h"
#include "build/cache/cache_remote_priv.h"
#include "model/config.h"
#include "model/limits.h"
#include "remote/remote.h"

#define MAX_IMAGES 64 /* of an index, whose inline records are read */

int cache_remote_client(struct cache_remote *x, struct remote_client **ret, struct shale_err *e)
{
    return x->h->online(x->h->online_arg, ret, e);
}

int cache_remote_ref(const struct cache_place *p, struct arena *a, struct ref *ret,
                     struct shale_err *e)
{
    int r = ref_parse(p->where, a, ret, e);

    if (r >= 0)
        ref_default_tag(ret);
    return r;
}

/* ---- documents ---- */

struct reading {
    struct cache_remote *x;
    struct source *s;
    uint32_t from;
    unsigned n_images;
};

struct collect {
    struct buf *b;
    uint64_t want;
};

static int collect_start(void *arg, uint64_t offset, struct shale_err *e)
{
    const struct collect *c = arg;

    return offset == c->b->n ? 0 : err_set(e, SHALE_NETWORK, "the transfer starts elsewhere");
}

static int collect_data(void *arg, const void *p, size_t n, struct shale_err *e)
{
    const struct collect *c = arg;

    if (n > c->want - c->b->n)
        return err_set(e, SHALE_CORRUPT, "more bytes than the %llu of its descriptor",
                       (unsigned long long)c->want);
    buf_add(c->b, p, n);
    return buf_check(c->b, e);
}

static int fetch_config(struct reading *g, const struct descriptor *d, struct buf *b,
                        struct shale_err *e)
{
    struct collect c = {b, d->size_bytes};
    struct digest is;
    int r = 0;

    if (d->size_bytes > LIMIT_CONFIG_BYTES)
        return err_set(e, SHALE_LIMIT, "the document %s has more than %llu bytes", d->digest.s,
                       (unsigned long long)LIMIT_CONFIG_BYTES);
    r = g->s->ops->blob(g->s, d, 0, collect_start, collect_data, &c, g->x->cancel, e);
    if (r >= 0)
        r = digest_of_bytes(digest_alg(&d->digest), buf_str(b), b->n, &is, e);
    if (r >= 0 && !digest_eq(&is, &d->digest))
        r = err_set(e, SHALE_CORRUPT, "the document %s has bytes of %s", d->digest.s, is.s);
    return r < 0 ? r : 0;
}

static int read_manifest(struct reading *g, const char *name, struct manifest *ret,
                         struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES + 1);
    struct descriptor d;
    int r = g->s->ops->manifest(g->s, name, &b, &g->x->a, &d, g->x->cancel, e);

    return r < 0 ? r : manifest_parse(buf_str(&b), b.n, d.media_type, &g->x->a, ret, e);
}

/* ---- records ---- */

static int add_record(struct reading *g, const struct cache_doc_record *from,
                      const struct descriptor *layer, const struct digest *diff_id,
                      struct shale_err *e)
{
    struct cache_remote *x = g->x;
    struct cache_record *v =
        arena_grow(&x->a, x->records, x->n_records, &x->cap_records, sizeof *v);

    if (!v)
        return err_nomem(e);
    x->records = v;
    v += x->n_records++;
    *v = (struct cache_record){.from = g->from, .layer = layer, .created_ns = from->created_ns};
    memcpy(v->key, from->key, sizeof v->key);
    if (layer)
        v->diff_id = *diff_id;
    return 0;
}

static const struct descriptor *find_blob(const struct descriptor *v, size_t n,
                                          const struct digest *d)
{
    for (size_t i = 0; i < n; i++)
        if (digest_eq(&v[i].digest, d))
            return &v[i];
    return NULL;
}

/* A document and the list that has its layers: of a manifest, or of an index. */
static int add_doc(struct reading *g, const struct descriptor *config, const struct descriptor *v,
                   size_t n, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES);
    struct cache_doc doc;
    int r = fetch_config(g, config, &b, e);

    if (r >= 0)
        r = cache_doc_parse(buf_str(&b), b.n, &g->x->a, &doc, e);
    for (size_t i = 0; r >= 0 && i < doc.n_records; i++) {
        const struct cache_doc_record *x = &doc.records[i];
        const struct cache_doc_layer *l = x->layer == CACHE_DOC_NONE ? NULL : &doc.layers[x->layer];
        const struct descriptor *blob =
            l && digest_is_set(&l->diff_id) ? find_blob(v, n, &l->blob) : NULL;
        if (!l || blob)
            r = add_record(g, x, blob, l ? &l->diff_id : NULL, e);
    }
    return r;
}

static int add_inline(struct reading *g, const struct manifest *m, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES);
    _cleanup_json_ json_t *config = NULL;
    struct cache_doc doc;
    struct config c;
    int r = fetch_config(g, &m->config, &b, e);

    if (r >= 0)
        r = json_parse(buf_str(&b), b.n, LIMIT_CONFIG_BYTES, &config, e);
    const char *text = json_string_value(json_object_get(config, CACHE_DOC_INLINE));
    if (r < 0 || !text)
        return r;
    r = config_parse(buf_str(&b), b.n, &g->x->a, &c, e);
    if (r >= 0 && c.n_diff_ids != m->n_layers)
        r = err_set(e, SHALE_CORRUPT, "its config and its manifest differ in their layers");
    if (r < 0)
        return r;
    _cleanup_free_ char *bytes = mem_alloc(BASE64_BYTES(strlen(text)) + 1);
    ssize_t n = bytes ? base64_decode(0, text, strlen(text), bytes) : 0;
    if (!bytes || n < 0)
        return bytes ? err_set(e, SHALE_INVALID, "its records are no base64") : err_nomem(e);
    r = cache_doc_parse_inline(bytes, (size_t)n, m->n_layers, &g->x->a, &doc, e);
    for (size_t i = 0; r >= 0 && i < doc.n_records; i++) {
        size_t at = doc.records[i].layer;
        r = at == CACHE_DOC_NONE
                ? add_record(g, &doc.records[i], NULL, NULL, e)
                : add_record(g, &doc.records[i], &m->layers[at], &c.diff_ids[at], e);
    }
    return r;
}

static int add_image(struct reading *g, const struct manifest *m, struct shale_err *e)
{
    if (streq(m->config.media_type, CACHE_DOC_TYPE))
        return add_doc(g, &m->config, m->layers, m->n_layers, e);
    if (!media_is_image_config(m->config.media_type))
        return err_set(e, SHALE_INVALID, "it is neither an image nor a cache");
    return add_inline(g, m, e);
}

/* BuildKit's older form of a cache is an index of layers and the document; an image of several
 * platforms may have records in each. */
static int add_index(struct reading *g, const struct manifest *m, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < m->n_manifests; i++) {
        const struct descriptor *d = &m->manifests[i];
        struct manifest one;
        if (streq(d->media_type, CACHE_DOC_TYPE))
            return add_doc(g, d, m->manifests, m->n_manifests, e);
        if (media_find(d->media_type)->kind != MEDIA_MANIFEST || descriptor_is_attestation(d) ||
            ++g->n_images > MAX_IMAGES)
            continue;
        r = read_manifest(g, d->digest.s, &one, e);
        if (r >= 0 && one.kind == MANIFEST_IMAGE)
            r = add_image(g, &one, e);
    }
    return r;
}

static int open_source(struct cache_remote *x, const struct cache_place *p, const char **ret_name,
                       struct source **ret, struct shale_err *e)
{
    struct remote_client *client = NULL;
    struct ref ref;
    int r;

    if (p->type == CACHE_LOCAL) {
        *ret_name = p->digest ? p->digest : p->tag;
        return cache_dir_source_open(p->where, ret, e);
    }
    r = cache_remote_ref(p, &x->a, &ref, e);
    if (r >= 0)
        r = cache_remote_client(x, &client, e);
    if (r < 0)
        return r;
    *ret_name = arena_strdup(&x->a, digest_is_set(&ref.digest) ? ref.digest.s : ref.tag);
    return *ret_name ? remote_source_open(client, &ref, ret, e) : err_nomem(e);
}

static int read_one(struct cache_remote *x, uint32_t i, struct shale_err *e)
{
    struct reading g = {.x = x, .from = i};
    const char *name = NULL;
    size_t n = x->n_records;
    struct manifest m;
    int r = open_source(x, &x->from.v[i], &name, &x->sources[i], e);

    g.s = x->sources[i];
    if (r >= 0)
        r = read_manifest(&g, name, &m, e);
    if (r >= 0)
        r = m.kind == MANIFEST_INDEX ? add_index(&g, &m, e) : add_image(&g, &m, e);
    if (r < 0)
        x->n_records = n;
    return r;
}

void cache_remote_not_used(struct build *b, const struct cache_place *p,
                           const struct shale_err *why)
{
    char text[1024];

    (void)snprintf(text, sizeof text, "warning: the cache %.300s is not used: %s", p->where,
                   why->msg);
    told_warning(b, text);
}

/* A cache that is not there yet is how every first build begins. */
static int import(struct build *b, struct cache_remote *x, uint32_t i, struct shale_err *e)
{
    const struct cache_place *p = &x->from.v[i];
    struct shale_err why = SHALE_ERR_INIT;
    struct told t;
    char name[512];

    (void)snprintf(name, sizeof name, "importing cache from %.400s", p->where);
    told_begin(b, &t, name);
    int r = read_one(x, i, &why);
    if (r == -SHALE_NO_MEMORY && x->a.failed == SHALE_LIMIT)
        r = err_set(&why, SHALE_LIMIT, "there is too much in it");
    if (r == -SHALE_CANCELED || r == -SHALE_NO_MEMORY) {
        told_failed(&t, &why);
        return err_set(e, why.code, "%s", why.msg);
    }
    if (r < 0)
        cache_remote_not_used(b, p, &why);
    told_end(&t, SHALE_BUILD_DONE);
    return 0;
}

static int by_key(const void *a_, const void *b_)
{
    const struct cache_record *a = a_, *b = b_;
    int r = strcmp(a->key, b->key);

    return r ? r : (a->from > b->from) - (a->from < b->from);
}

/* ---- a build's caches ---- */

struct cache_remote *cache_remote_close(struct cache_remote *x)
{
    if (!x)
        return NULL;
    if (x->sink)
        x->sink->ops->close(x->sink);
    for (size_t i = 0; i < CACHE_REMOTE_PLACES; i++)
        if (x->sources[i])
            x->sources[i]->ops->close(x->sources[i]);
    x->lease = store_lease_end(x->lease);
    arena_clear(&x->a);
    arena_clear(&x->own);
    free(x);
    return NULL;
}

static int take_options(struct cache_remote *x, const struct build *b, struct shale_err *e)
{
    int r = b->o->no_cache ? 0 : cache_places_parse(b->o->cache_from, false, &x->a, &x->from, e);

    if (r >= 0)
        r = cache_places_parse(b->o->cache_to, true, &x->a, &x->to, e);
    for (size_t i = 0; r >= 0 && i < x->to.n; i++)
        x->is_inline |= x->to.v[i].type == CACHE_INLINE;
    x->is_inline |= streq(scope_get(&b->given, "BUILDKIT_INLINE_CACHE", NULL), "1");
    return r;
}

int cache_remote_open(struct build *b, struct shale_err *e)
{
    struct cache_remote *x = mem_alloc(sizeof *x);

    if (!x)
        return err_nomem(e);
    *x = (struct cache_remote){.h = b->h,
                               .cancel = b->h->image.cancel,
                               .mutex = PTHREAD_MUTEX_INITIALIZER,
                               .kept = PTHREAD_COND_INITIALIZER,
                               .a = ARENA_INIT(CACHE_REMOTE_BYTES),
                               .own = ARENA_INIT(CACHE_REMOTE_BYTES)};
    int r = take_options(x, b, e);
    if (r < 0 || (!x->from.n && !x->to.n && !x->is_inline)) {
        cache_remote_close(x);
        return r;
    }
    b->remote = x;
    if (x->from.n)
        r = store_lease_begin(b->store, "build cache", &x->lease, e);
    for (uint32_t i = 0; r >= 0 && i < x->from.n; i++)
        r = import(b, x, i, e);
    if (r >= 0 && x->n_records)
        qsort(x->records, x->n_records, sizeof *x->records, by_key);
    return r;
}

/* ---- looking up ---- */

/* The first of a key. */
static const struct cache_record *find(const struct cache_remote *x, const char *key)
{
    size_t low = 0, high = x->n_records;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(x->records[mid].key, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < x->n_records && streq(x->records[low].key, key) ? &x->records[low] : NULL;
}

int cache_remote_get(struct build *b, const char *key, struct cached *ret, struct shale_err *e)
{
    struct cache_remote *x = b->remote;
    const struct cache_record *v = x ? find(x, key) : NULL;

    while (v && cache_remote_lost(x, v->from)) {
        v++;
        if (v == x->records + x->n_records || !streq(v->key, key))
            v = NULL;
    }
    if (!v)
        return 0;
    struct cached c = {.created_ns = v->created_ns == TIME_NONE ? time_now_ns() : v->created_ns,
                       .remote = true};
    int r = v->layer ? cache_remote_promise(b, v, &c.layer, e) : 0;
    if (r < 0)
        return r;
    *ret = c;
    return 1;
}

/* ---- what a build has used, and has made ---- */

int cache_remote_used(struct build *b, const char *key, const struct cached *c, struct shale_err *e)
{
    struct cache_remote *x = b->remote;

    if (!x || (!x->to.n && !x->is_inline))
        return 0;
    pthread_mutex_lock(&x->mutex);
    struct cache_note *v = arena_grow(&x->own, x->notes, x->n_notes, &x->cap_notes, sizeof *v);
    if (v) {
        x->notes = v;
        v += x->n_notes++;
        *v = (struct cache_note){.by = b,
                                 .layer = c->layer,
                                 .created_ns =
                                     b->epoch_ns != TIME_NONE ? b->epoch_ns : c->created_ns};
        memcpy(v->key, key, sizeof v->key);
    }
    pthread_mutex_unlock(&x->mutex);
    return v ? 0 : err_nomem(e);
}

int cache_remote_end_stages(struct build *b, struct shale_err *e)
{
    struct cache_remote *x = b->remote;
    const struct state *s = &b->target->state;

    for (size_t i = 0; x && i < s->n_layers; i++) {
        struct digest *v = arena_grow(&x->own, x->final, x->n_final, &x->cap_final, sizeof *v);
        if (!v)
            return err_nomem(e);
        x->final = v;
        v[x->n_final++] = s->layers[i].diff_id;
    }
    return 0;
}

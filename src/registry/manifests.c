/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and indexes (distribution-spec end-3, end-7, end-9): stored as they come, after they
 * have been understood. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/limits.h"
#include "registry/upstream/pull.h"

#define MAX_TRIES 5 /* of a put whose bytes somebody else removes */

/* ---- GET ---- */

static void manifest_headers(struct http_response *p, const struct state_manifest *m)
{
    http_response_header(p, "Content-Type", m->media_type);
    http_response_header(p, "Docker-Content-Digest", m->digest.s);
    reg_headerf(p, "ETag", "\"%s\"", m->digest.s);
}

void reg_send_manifest(struct rq *rq, const struct state_manifest *m, uint64_t generation,
                       int64_t until)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES);
    char etag[DIGEST_MAX + 2];
    struct http_req *q = rq->q;
    int r = blob_read(rq->r->blobs, &m->digest, &b, &rq->e);

    if (r == -SHALE_NOT_FOUND && state_manifest(rq->r->state, rq->route.name, m->digest.s, &rq->a,
                                                &(struct state_manifest){0}, NULL) == 0) {
        reg_error(rq, REG_MANIFEST_UNKNOWN, rq->route.ref); /* it was removed meanwhile */
        return;
    }
    if (r < 0) {
        reg_fail(rq);
        return;
    }
    struct http_response *full = reg_response(buf_str(&b), b.n), *none = reg_response("", 0);
    manifest_headers(full, m);
    manifest_headers(none, m);
    snprintf(etag, sizeof etag, "\"%s\"", m->digest.s);
    bool same = reg_has_etag(q, etag);
    struct http_response *answer = same ? none : full;
    if (q->method == HTTP_GET && !same)
        reg_event(rq, REGCONF_EVENT_PULL,
                  &(struct reg_target){.digest = m->digest.s,
                                       .size = m->size,
                                       .media_type = m->media_type,
                                       .tag = rq->route.is_digest ? NULL : rq->route.ref});
    reg_stale_headers(rq, answer);
    http_respond(q, same ? 304 : 200, answer ? http_response_ref(answer) : NULL);
    if (!q->target[q->path_bytes] && until > rq->begin_mono)
        cache_put(rq->r->cache, q->target, q->path_bytes, rq->route.name, generation, until, etag,
                  full, none, b.n);
    else {
        http_response_unref(full);
        http_response_unref(none);
    }
}

void manifest_get(struct rq *rq)
{
    struct upstream *up = rq_upstream(rq);
    struct state_manifest m;

    if (up) {
        cached_manifest_get(rq, up);
        return;
    }
    /* Before it is read: what changes meanwhile makes the answer old. */
    metrics_count(rq->r->metrics, METRICS_CACHE_MISSES, 1);
    uint64_t generation = state_generation(rq->r->state, rq->route.name);
    int r = state_manifest(rq->r->state, rq->route.name, rq->route.ref, &rq->a, &m, &rq->e);

    if (r > 0 && rq->route.is_digest && (r = reg_keep_asked(rq, &m.digest)) >= 0)
        r = state_manifest(rq->r->state, rq->route.name, rq->route.ref, &rq->a, &m, &rq->e);
    if (r < 0)
        reg_fail(rq);
    else if (r == 0)
        reg_error(rq, REG_MANIFEST_UNKNOWN, rq->route.ref);
    else
        reg_send_manifest(rq, &m, generation, INT64_MAX);
}

/* ---- PUT ---- */

const char *reg_annotations(const struct strmap *m, struct arena *a)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES * 6);

    if (m->n == 0)
        return "";
    for (size_t i = 0; i < m->n; i++) {
        buf_addc(&b, i ? ',' : '{');
        reg_json_string(&b, m->m[i].k);
        buf_addc(&b, ':');
        reg_json_string(&b, m->m[i].v);
    }
    buf_addc(&b, '}');
    return b.failed ? NULL : arena_strndup(a, b.p, b.n);
}

static void add_child(struct state_child *v, size_t *n, const struct descriptor *d, bool manifest)
{
    v[(*n)++] = (struct state_child){
        .digest = d->digest,
        .size = d->size_bytes,
        .manifest = manifest,
        /* Layers that may be had elsewhere need not be here. */
        .optional = !manifest && (d->urls.n > 0 || media_find(d->media_type)->foreign),
    };
}

static int list_children(const struct manifest *m, struct arena *a, struct state_put *p,
                         struct shale_err *e)
{
    struct state_child *v = arena_array(a, m->n_layers + m->n_manifests + 1, sizeof *v);
    size_t n = 0;

    if (!v)
        return err_nomem(e);
    if (m->kind == MANIFEST_IMAGE)
        add_child(v, &n, &m->config, false);
    for (size_t i = 0; i < m->n_layers; i++)
        add_child(v, &n, &m->layers[i], false);
    for (size_t i = 0; i < m->n_manifests; i++)
        add_child(v, &n, &m->manifests[i], true);
    p->children = v;
    p->n_children = n;
    p->missing = arena_array(a, n + 1, sizeof *p->missing);
    p->wrong_size = arena_array(a, n + 1, sizeof *p->wrong_size);
    return p->missing && p->wrong_size ? 0 : err_nomem(e);
}

/* What a referrer is, for those who look for it (distribution-spec, "Listing Referrers"). */
static const char *artifact_type(const struct manifest *m)
{
    if (m->artifact_type)
        return m->artifact_type;
    return m->kind == MANIFEST_IMAGE ? m->config.media_type : "";
}

/* The media type without parameters; what the document says where the client says nothing. */
static const char *stored_type(const struct rq *rq, const struct manifest *m, struct arena *a)
{
    const char *type = http_req_header(rq->q, "Content-Type");

    if (!type || media_find(type)->kind == MEDIA_UNKNOWN)
        return m->media_type;
    return arena_strndup(a, type, strcspn(type, "; \t"));
}

/* All that is missing, or has another size. */
static void answer_incomplete(struct rq *rq, const struct state_put *p)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4u << 20);
    bool first = true;

    buf_adds(&b, "{\"errors\":[");
    for (size_t i = 0; i < p->n_children; i++) {
        if (!p->missing[i] && !p->wrong_size[i])
            continue;
        if (!first)
            buf_addc(&b, ',');
        first = false;
        reg_error_json(&b, p->missing[i] ? REG_MANIFEST_BLOB_UNKNOWN : REG_SIZE_INVALID,
                       p->children[i].digest.s);
    }
    buf_adds(&b, "]}\n");
    struct http_response *r = b.failed ? NULL : reg_response(b.p, b.n);
    http_response_header(r, "Content-Type", "application/json");
    http_respond(rq->q, 400, r);
}

/* All that a manifest names, but its subject. */
static void tell_push(struct rq *rq, const struct manifest *m, const struct state_put *p)
{
    struct reg_target t = {.digest = p->m.digest.s,
                           .size = p->m.size,
                           .media_type = p->m.media_type,
                           .tag = p->tag,
                           .references = m->manifests,
                           .n_references = m->n_manifests};

    if (m->kind == MANIFEST_IMAGE) {
        struct descriptor *v = arena_array(&rq->a, m->n_layers + 1, sizeof *v);
        if (v) {
            v[0] = m->config;
            for (size_t i = 0; i < m->n_layers; i++)
                v[i + 1] = m->layers[i];
        }
        t.references = v;
        t.n_references = v ? m->n_layers + 1 : 0;
    }
    reg_event(rq, REGCONF_EVENT_PUSH, &t);
}

static void answer_put(struct rq *rq, const struct manifest *m, const struct state_put *p)
{
    struct http_response *r = reg_response("", 0);

    indexer_push(rq->r->indexer, &p->m.digest);
    if (rq->r->events & REGCONF_EVENT_PUSH)
        tell_push(rq, m, p);
    reg_headerf(r, "Location", "/v2/%s/manifests/%s", rq->route.name, p->m.digest.s);
    http_response_header(r, "Docker-Content-Digest", p->m.digest.s);
    if (p->subject)
        http_response_header(r, "OCI-Subject", p->subject->s);
    http_respond(rq->q, 201, r);
}

/* The digest of the bytes; by that of the path, if it has one. false: answered. */
static bool check_digest(struct rq *rq, struct digest *ret)
{
    enum hash_alg alg = HASH_SHA256;
    struct digest want;

    if (rq->route.is_digest && digest_parse(rq->route.ref, &want, NULL) >= 0)
        alg = digest_alg(&want);
    if (digest_of_bytes(alg, rq->q->body.p, rq->q->body.n, ret, &rq->e) < 0) {
        reg_fail(rq);
        return false;
    }
    if (rq->route.is_digest && !digest_eq(ret, &want)) {
        reg_error(rq, REG_DIGEST_INVALID, ret->s);
        return false;
    }
    return true;
}

int reg_manifest_rows(const struct manifest *m, struct arena *a, struct state_put *p,
                      struct shale_err *e)
{
    int r = list_children(m, a, p, e);

    if (r < 0)
        return r;
    p->subject = m->has_subject ? &m->subject.digest : NULL;
    p->artifact_type = artifact_type(m);
    p->annotations = reg_annotations(&m->annotations, a);
    return p->annotations ? 0 : err_nomem(e);
}

static int prepare(struct rq *rq, struct manifest *m, struct state_put *p)
{
    int r = reg_manifest_rows(m, &rq->a, p, &rq->e);

    if (r < 0)
        return r;
    p->repo = rq->route.name;
    p->tag = rq->route.is_digest ? NULL : rq->route.ref;
    p->fixed = p->tag && retain_immutable(&rq->live->conf->retain, p->repo, p->tag);
    p->quota = reg_quota(rq);
    p->m.size = rq->q->body.n;
    p->m.media_type = stored_type(rq, m, &rq->a);
    return p->m.media_type ? 0 : err_nomem(&rq->e);
}

struct bytes {
    struct blobs *blobs;
    const struct digest *d;
};

static int remove_bytes(void *arg, struct shale_err *e)
{
    const struct bytes *x = arg;

    return blob_remove(x->blobs, x->d, NULL, e);
}

/* Bytes first, then the row; the lease keeps collectors off between the two. Bytes that get no row
 * go again, or refused pushes would fill the disk. Whoever pushes the same bytes at that moment
 * finds them gone, and writes them anew. */
static int store(struct rq *rq, struct state_put *p)
{
    struct bytes x = {rq->r->blobs, &p->m.digest};
    int r, tries = 0;

    do {
        r = state_lease(rq->r->state, &p->m.digest, &rq->e);
        if (r >= 0)
            r = blob_put(rq->r->blobs, &p->m.digest, rq->q->body.p, rq->q->body.n, &rq->e);
        if (r >= 0)
            r = reg_refusal(rq, state_manifest_put(rq->r->state, p, &rq->e));
    } while (r == -SHALE_CONFLICT && ++tries < MAX_TRIES);
    if (r <= 0)
        (void)state_blob_unknown(rq->r->state, &p->m.digest, remove_bytes, &x, NULL);
    return r;
}

static uint64_t most_bytes(const struct rq *rq)
{
    return rq->live->conf->limits.manifest_bytes;
}

static void too_large(struct rq *rq)
{
    char message[64];

    snprintf(message, sizeof message, "a manifest has at most %" PRIu64 " bytes here",
             most_bytes(rq));
    reg_error_say(rq, REG_MANIFEST_TOO_LARGE, message, NULL, NULL);
}

static int has_type(const struct descriptor *d, const char *name, struct shale_err *e)
{
    return *d->media_type ? 0 : err_set(e, SHALE_INVALID, "%s has no mediaType", name);
}

static int have_types(const struct descriptor *v, size_t n, const char *name, struct shale_err *e)
{
    char which[40];
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++) {
        snprintf(which, sizeof which, "%s[%zu]", name, i);
        r = has_type(&v[i], which, e);
    }
    return r;
}

/* Descriptors must say what they describe (image-spec, descriptor.md). manifest_parse is not so
 * strict, because it also reads what others have taken. */
static int check_types(const struct manifest *m, struct shale_err *e)
{
    int r = m->kind == MANIFEST_IMAGE ? has_type(&m->config, "config", e) : 0;

    if (r >= 0)
        r = have_types(m->layers, m->n_layers, "layers", e);
    if (r >= 0)
        r = have_types(m->manifests, m->n_manifests, "manifests", e);
    if (r >= 0 && m->has_subject)
        r = has_type(&m->subject, "subject", e);
    return r < 0 ? err_wrap(e, r, "invalid manifest") : 0;
}

static void put(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    struct manifest m = {0};
    struct state_put p = {0};

    if (q->body_over) {
        too_large(rq);
        return;
    }
    if (!check_digest(rq, &p.m.digest))
        return;
    int r = manifest_parse(buf_str(&q->body), q->body.n, http_req_header(q, "Content-Type"), &rq->a,
                           &m, &rq->e);
    if (r >= 0)
        r = check_types(&m, &rq->e);
    if (r < 0) {
        if (rq->e.code == SHALE_NO_MEMORY)
            reg_fail(rq);
        else
            reg_error_say(rq, REG_MANIFEST_INVALID, rq->e.msg, NULL, NULL);
        return;
    }
    r = prepare(rq, &m, &p);
    if (r >= 0)
        r = store(rq, &p);
    if (r < 0)
        reg_fail(rq);
    else if (r == 0)
        answer_incomplete(rq, &p);
    else
        answer_put(rq, &m, &p);
}

void manifest_put_head(struct rq *rq)
{
    if (rq->q->length != HTTP_LENGTH_UNKNOWN && rq->q->length > most_bytes(rq))
        too_large(rq);
    else
        http_collect(rq->q, (size_t)most_bytes(rq), put);
}

/* ---- DELETE ---- */

static bool holds_tag(void *arg, const char *repo, const char *tag)
{
    return retain_immutable(arg, repo, tag);
}

static int delete_tag(struct rq *rq)
{
    if (retain_immutable(&rq->live->conf->retain, rq->route.name, rq->route.ref)) {
        struct state_manifest m;
        int r = state_manifest(rq->r->state, rq->route.name, rq->route.ref, &rq->a, &m, &rq->e);
        if (r <= 0)
            return r;
        return reg_refusal(rq, err_set(&rq->e, SHALE_EXISTS,
                                       "tag %s of %s is immutable here and cannot be deleted",
                                       rq->route.ref, rq->route.name));
    }
    return state_tag_delete(rq->r->state, rq->route.name, rq->route.ref, &rq->e);
}

static int delete_image(struct rq *rq, struct state_names *ret_tags)
{
    struct state_tag_guard guard = {holds_tag, &rq->live->conf->retain};
    struct digest d;
    int r = digest_parse(rq->route.ref, &d, &rq->e);

    return r < 0 ? r
                 : reg_refusal(rq, state_manifest_delete(rq->r->state, rq->route.name, &d, &guard,
                                                         &rq->a, ret_tags, &rq->e));
}

void manifest_delete(struct rq *rq)
{
    struct state_names tags = {0};
    int r = rq->route.is_digest ? delete_image(rq, &tags) : delete_tag(rq);

    if (r < 0)
        reg_fail(rq);
    else if (r == 0)
        reg_error(rq, REG_MANIFEST_UNKNOWN, rq->route.ref);
    else {
        reg_event(rq, REGCONF_EVENT_DELETE,
                  &(struct reg_target){.digest = rq->route.is_digest ? rq->route.ref : NULL,
                                       .tag = rq->route.is_digest ? NULL : rq->route.ref});
        for (size_t i = 0; i < tags.n; i++)
            reg_event(rq, REGCONF_EVENT_DELETE, &(struct reg_target){.tag = tags.v[i]});
        reg_empty(rq, 202, reg_response("", 0));
    }
}

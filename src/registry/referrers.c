/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What refers to a manifest (distribution-spec end-12): signatures, SBOMs, attestations. An index
 * made on the fly, of manifests with that subject. Clients of registries without this endpoint keep
 * such an index under a tag, "sha256-<hex>"; one that was pushed or copied here counts too.
 */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/limits.h"
#include "registry/upstream/pull.h"

#define PAGE             1000 /* descriptors in one answer */
#define MAX_ANSWER_BYTES (64u << 20)
#define FALLBACK_HEX     64 /* of the tag, at most */

struct list {
    struct state_referrer *v;
    size_t n;
    bool more;
};

/* ---- the fallback tag ---- */

static int read_fallback(struct rq *rq, const struct digest *subject, struct manifest *ret)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES);
    struct state_manifest m;
    char tag[160];

    snprintf(tag, sizeof tag, "%s-%.*s", digest_alg_name(digest_alg(subject)), FALLBACK_HEX,
             digest_hex(subject));
    int r = state_manifest(rq->r->state, rq->route.name, tag, &rq->a, &m, &rq->e);
    if (r <= 0)
        return r;
    r = blob_read(rq->r->blobs, &m.digest, &b, &rq->e);
    if (r >= 0)
        r = manifest_parse(buf_str(&b), b.n, m.media_type, &rq->a, ret, NULL);
    return r < 0 || ret->kind != MANIFEST_INDEX ? 0 : 1;
}

static bool listed(const struct list *l, const struct digest *d)
{
    for (size_t i = 0; i < l->n; i++)
        if (digest_eq(&l->v[i].m.digest, d))
            return true;
    return false;
}

/* Adds those of the tag's index that are here, and that the first list does not have. */
static int add_fallback(struct rq *rq, const struct digest *subject, const char *type,
                        struct list *l)
{
    struct manifest index = {0};
    int r = read_fallback(rq, subject, &index);

    if (r <= 0)
        return r;
    struct state_referrer *v = arena_array(&rq->a, l->n + index.n_manifests + 1, sizeof *v);
    if (!v)
        return err_nomem(&rq->e);
    if (l->n > 0)
        memcpy(v, l->v, l->n * sizeof *v);
    l->v = v;
    for (size_t i = 0; i < index.n_manifests; i++) {
        const struct descriptor *d = &index.manifests[i];
        struct state_manifest m;
        const char *its = d->artifact_type ? d->artifact_type : "";
        if (listed(l, &d->digest) || (type && !streq(type, its)))
            continue;
        r = state_manifest(rq->r->state, rq->route.name, d->digest.s, &rq->a, &m, &rq->e);
        if (r < 0)
            return r;
        if (r == 0)
            continue;
        v[l->n] = (struct state_referrer){.m = m, .artifact_type = its};
        v[l->n].annotations = reg_annotations(&d->annotations, &rq->a);
        if (!v[l->n++].annotations)
            return err_nomem(&rq->e);
    }
    return 0;
}

/* ---- the answer ---- */

static void add_descriptor(struct buf *b, const struct state_referrer *f)
{
    buf_adds(b, "{\"mediaType\":");
    reg_json_string(b, f->m.media_type);
    buf_addf(b, ",\"digest\":\"%s\",\"size\":%" PRIu64, f->m.digest.s, f->m.size);
    if (f->artifact_type[0]) {
        buf_adds(b, ",\"artifactType\":");
        reg_json_string(b, f->artifact_type);
    }
    if (f->annotations[0])
        buf_addf(b, ",\"annotations\":%s", f->annotations);
    buf_addc(b, '}');
}

static void answer(struct rq *rq, const struct digest *subject, const char *type,
                   const struct list *l)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_ANSWER_BYTES), link = BUF_INIT(4096);

    buf_adds(&b, "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[");
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            buf_addc(&b, ',');
        add_descriptor(&b, &l->v[i]);
    }
    buf_adds(&b, "]}\n");
    struct http_response *p = b.failed ? NULL : reg_response(b.p, b.n);
    http_response_header(p, "Content-Type", MEDIA_OCI_INDEX);
    reg_stale_headers(rq, p);
    if (type)
        http_response_header(p, "OCI-Filters-Applied", "artifactType");
    if (l->more) {
        buf_addf(&link, "</v2/%s/referrers/%s?last=%s", rq->route.name, subject->s,
                 l->v[l->n - 1].m.digest.s);
        if (type) {
            buf_adds(&link, "&artifactType=");
            http_percent_encode(&link, type, "");
        }
        buf_adds(&link, ">; rel=\"next\"");
        http_response_header(p, "Link", buf_str(&link));
    }
    http_respond(rq->q, 200, p);
}

void referrers_list(struct rq *rq)
{
    const char *type = rq_query(rq, "artifactType"), *last = rq_query(rq, "last");
    struct upstream *up = rq_upstream(rq);
    struct digest subject;
    struct list l = {0};

    if (up && !rq->ask) {
        cached_referrers(rq, up);
        return;
    }
    int r = digest_parse(rq->route.ref, &subject, &rq->e);

    if (type && !*type)
        type = NULL;
    if (r >= 0)
        r = state_referrers(rq->r->state, rq->route.name, &subject, type, last ? last : "", PAGE,
                            &rq->a, &l.v, &l.n, &l.more, &rq->e);
    if (r >= 0 && !last && !l.more)
        r = add_fallback(rq, &subject, type, &l);
    if (r < 0)
        reg_fail(rq);
    else
        answer(rq, &subject, type, &l);
}

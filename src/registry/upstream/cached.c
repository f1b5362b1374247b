/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for repositories that are a cache of another registry: what is here and still good is
 * answered; for the rest the other registry is asked, and when it cannot be, what is here will do.
 */
#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "registry/upstream/pull.h"

#define DIGEST_MEMORY_NS (3600 * NS_PER_S) /* a manifest is answered from memory, uses unseen */

struct upstream *rq_upstream(const struct rq *rq)
{
    return upstreams_find(rq->live->upstreams, rq->route.name);
}

bool cached_mirror(struct rq *rq)
{
    const char *ns = rq->route.name && rq->live->upstreams ? rq_query(rq, "ns") : NULL;
    const char *local = NULL;
    char message[1024];

    if (!ns || !*ns)
        return true;
    if (upstreams_mirror(rq->live->upstreams, ns, rq->route.name, &rq->a, &local, &rq->e) < 0) {
        reg_fail(rq);
        return false;
    }
    struct upstream *up = local ? NULL : rq_upstream(rq);
    if (local) {
        rq->route.name = local;
    } else if (up) { /* another registry's image under that name would be worse than none */
        snprintf(message, sizeof message,
                 "no [upstream] here stands for %.200s: %.255s is of %.255s", ns, rq->route.name,
                 upstream_conf(up)->ns);
        reg_error_say(rq, REG_NAME_UNKNOWN, message, NULL, NULL);
        return false;
    }
    return true;
}

void cached_refuse(struct rq *rq, struct upstream *up, int r, const struct shale_err *e,
                   enum reg_code unknown, const char *detail)
{
    int64_t pause = upstream_pause(up);
    const char *url = upstream_conf(up)->url;
    char seconds[24], message[1024];

    rq->e = *e;
    switch (-r) {
    case SHALE_NOT_FOUND:
        reg_error(rq, unknown, detail);
        return;
    case SHALE_NO_SPACE:
    case SHALE_NO_MEMORY:
        reg_fail(rq);
        return;
    case SHALE_CANCELED:
        reg_error(rq, REG_UNAVAILABLE, "the registry is stopping");
        return;
    default:
        break;
    }
    if (r == -SHALE_LIMIT && pause > 0) {
        snprintf(seconds, sizeof seconds, "%" PRId64, (int64_t)((pause + NS_PER_S - 1) / NS_PER_S));
        reg_error_say(rq, REG_TOO_MANY_REQUESTS, e->msg, "Retry-After", seconds);
        return;
    }
    /* Whatever it says of credentials is between it and us: clients are not asked for theirs. */
    snprintf(message, sizeof message, "%s%s%s", strstr(e->msg, url) ? "" : url,
             strstr(e->msg, url) ? "" : ": ", e->msg);
    reg_error_say(rq, REG_UPSTREAM, message, NULL, NULL);
}

/* What is here is answered instead. */
static void note_stale(struct rq *rq, int64_t since_ns)
{
    rq->stale = true;
    rq->age_ns = since_ns > 0 ? time_now_ns() - since_ns : -1;
    metrics_count(rq->r->metrics, METRICS_UPSTREAM_STALE, 1);
}

/* ---- manifests ---- */

/* For how long a manifest that is here may be answered without a question; 0: not. */
static int64_t good_for(const struct rq *rq, struct upstream *up, const struct state_manifest *m)
{
    int64_t now = time_now_ns(), ttl = upstream_conf(up)->tag_ttl_ns;

    if (rq->route.is_digest)
        return DIGEST_MEMORY_NS;
    if (m->updated > now || now - m->updated >= ttl)
        return 0;
    ttl -= now - m->updated;
    return ttl < DIGEST_MEMORY_NS ? ttl : DIGEST_MEMORY_NS;
}

/* for_ns: how long it may be answered from memory. */
static void send_manifest(struct rq *rq, const struct state_manifest *m, uint64_t generation,
                          int64_t for_ns)
{
    (void)state_cached_use(rq->r->state, rq->route.name, &m->digest, NULL);
    reg_send_manifest(rq, m, generation, for_ns > 0 ? time_mono_ns() + for_ns : 0);
}

static void manifest_asked(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    const struct ask *k = rq->ask;
    struct state_manifest m = {0};
    uint64_t generation = state_generation(rq->r->state, rq->route.name);
    bool use = k->r >= 0 || (k->r != -SHALE_NOT_FOUND && upstream_conf(k->up)->stale);
    int r =
        use ? state_manifest(rq->r->state, rq->route.name, rq->route.ref, &rq->a, &m, &rq->e) : 0;

    if (r < 0) {
        reg_fail(rq);
    } else if (r > 0) {
        if (k->r < 0)
            note_stale(rq, m.updated);
        send_manifest(rq, &m, generation, k->r < 0 ? 0 : good_for(rq, k->up, &m));
    } else {
        cached_refuse(rq, k->up, k->r < 0 ? k->r : -SHALE_NOT_FOUND, &k->e, REG_MANIFEST_UNKNOWN,
                      rq->route.ref);
    }
}

void cached_manifest_get(struct rq *rq, struct upstream *up)
{
    struct registry *reg = rq->r;
    struct state_manifest m;
    uint64_t generation = state_generation(reg->state, rq->route.name);
    int r = state_manifest(reg->state, rq->route.name, rq->route.ref, &rq->a, &m, &rq->e);
    int64_t good = r > 0 ? good_for(rq, up, &m) : 0;

    if (r < 0) {
        reg_fail(rq);
    } else if (good > 0) {
        metrics_count(reg->metrics, METRICS_UPSTREAM_HITS, 1);
        send_manifest(rq, &m, generation, good);
    } else if (missing_has(reg->pull->missing, ask_letters[ASK_MANIFEST], rq->route.name,
                           rq->route.ref)) {
        metrics_count(reg->metrics, METRICS_UPSTREAM_HITS, 1);
        reg_error(rq, REG_MANIFEST_UNKNOWN, rq->route.ref);
    } else {
        ask_begin(rq, up, ASK_MANIFEST, rq->route.ref, manifest_asked);
    }
}

/* ---- blobs ---- */

static void answer_head(struct rq *rq, const struct digest *d, uint64_t size)
{
    struct blob_part x = {0, size, false};

    reg_answer_blob(rq, d, size, &x, http_response_head(size));
}

static void blob_asked(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    const struct ask *k = rq->ask;
    struct digest d;

    if (k->r < 0 || digest_parse(k->ref, &d, &rq->e) < 0)
        cached_refuse(rq, k->up, k->r, &k->e, REG_BLOB_UNKNOWN, rq->route.ref);
    else
        answer_head(rq, &d, k->size);
}

void cached_blob_get(struct rq *rq, struct upstream *up, const struct digest *d)
{
    struct pull *p = rq->r->pull;
    uint64_t size = 0;

    if (missing_has(p->missing, ask_letters[ASK_STAT], rq->route.name, d->s)) {
        metrics_count(rq->r->metrics, METRICS_UPSTREAM_HITS, 1);
        reg_error(rq, REG_BLOB_UNKNOWN, d->s);
        return;
    }
    if (rq->q->method != HTTP_HEAD)
        fetch_blob(rq, up, d);
    else if ((size = fetch_size(p, rq->route.name, d)) > 0)
        answer_head(rq, d, size);
    else
        ask_begin(rq, up, ASK_STAT, d->s, blob_asked);
}

/* ---- lists ---- */

static bool is_missing(struct rq *rq, enum ask_kind kind, const char *ref)
{
    if (!missing_has(rq->r->pull->missing, ask_letters[kind], rq->route.name, ref))
        return false;
    metrics_count(rq->r->metrics, METRICS_UPSTREAM_HITS, 1);
    return true;
}

/* The page of all the names, which are sorted. */
static void page_of(const struct strv *all, const struct page *page, struct state_names *ret)
{
    size_t i = 0;

    while (i < all->n && strcmp(all->v[i], page->last) <= 0 && *page->last)
        i++;
    ret->v = (const char **)all->v + i;
    ret->n = all->n - i < page->n ? all->n - i : (size_t)page->n;
    ret->more = all->n - i > page->n;
}

static void tags_asked(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    const struct ask *k = rq->ask;
    struct state_names l = {0};
    struct page page;
    int r = 0;

    if (!reg_page(rq, REG_LIST_MAX, &page))
        return;
    page.n = page.n > REG_LIST_MAX ? REG_LIST_MAX : page.n;
    if (k->r >= 0) {
        page_of(&k->names, &page, &l);
        reg_answer_tags(rq, &page, &l);
        return;
    }
    if (k->r != -SHALE_NOT_FOUND && upstream_conf(k->up)->stale && page.n > 0)
        r = state_tags(rq->r->state, rq->route.name, page.last, page.n, &rq->a, &l, &rq->e);
    if (r < 0) {
        reg_fail(rq);
    } else if (l.n == 0) {
        cached_refuse(rq, k->up, k->r, &k->e, REG_NAME_UNKNOWN, rq->route.name);
    } else {
        note_stale(rq, 0);
        reg_answer_tags(rq, &page, &l);
    }
}

void cached_tags(struct rq *rq, struct upstream *up)
{
    struct page page;

    if (!reg_page(rq, REG_LIST_MAX, &page))
        return;
    if (is_missing(rq, ASK_TAGS, ""))
        reg_error(rq, REG_NAME_UNKNOWN, rq->route.name);
    else
        ask_begin(rq, up, ASK_TAGS, "", tags_asked);
}

static void referrers_asked(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    const struct ask *k = rq->ask;

    if (k->r >= 0) {
        struct http_response *p = reg_response(k->body.p, k->body.n);
        http_response_header(p, "Content-Type", MEDIA_OCI_INDEX);
        http_respond(q, 200, p);
    } else if (k->r != -SHALE_NOT_FOUND && upstream_conf(k->up)->stale) {
        note_stale(rq, 0);
        referrers_list(rq); /* of what is here */
    } else {
        /* One without the list: clients then look for a tag, and that comes through. */
        cached_refuse(rq, k->up, k->r, &k->e, REG_NOT_FOUND, NULL);
    }
}

void cached_referrers(struct rq *rq, struct upstream *up)
{
    if (is_missing(rq, ASK_REFERRERS, rq->route.ref))
        reg_error(rq, REG_NOT_FOUND, NULL);
    else
        ask_begin(rq, up, ASK_REFERRERS, rq->route.ref, referrers_asked);
}

/* ---- what nobody wants any more ---- */

void cached_sweep(struct registry *r)
{
    struct live *v = live_get(r);

    for (size_t i = 0; i < v->conf->n_upstream; i++) {
        const struct regconf_upstream *u = &v->conf->upstream[i];
        int64_t before = time_now_ns() - u->keep_ns;
        while (u->keep_ns > 0 && state_cached_drop(r->state, u->prefix, before, NULL) > 0)
            ;
    }
    live_put(v);
}

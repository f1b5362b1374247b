/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to its handler, and what answers have in common. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "http/range.h"
#include "registry/upstream/pull.h"

/* What is served: the one table. `head`: runs in the network thread, before the body. */
enum need { FREE, PING, PULL, PUSH, DELETE, CATALOG, SEARCH, _NEED_MAX };
static const struct endpoint {
    enum route_id route;
    enum http_method method;
    enum need need;
    bool head;
    void (*run)(struct rq *rq);
} endpoints[] = {
    {ROUTE_BASE, HTTP_GET, PING, true, base_get_head},
    {ROUTE_CATALOG, HTTP_GET, CATALOG, false, catalog_list},
    {ROUTE_TAGS, HTTP_GET, PULL, false, tags_list},
    {ROUTE_MANIFEST, HTTP_GET, PULL, false, manifest_get},
    {ROUTE_MANIFEST, HTTP_PUT, PUSH, true, manifest_put_head},
    {ROUTE_MANIFEST, HTTP_DELETE, DELETE, false, manifest_delete},
    {ROUTE_BLOB, HTTP_GET, PULL, false, blob_get},
    {ROUTE_BLOB, HTTP_DELETE, DELETE, false, blob_delete},
    {ROUTE_UPLOADS, HTTP_POST, PUSH, true, upload_start_head},
    {ROUTE_UPLOAD, HTTP_PATCH, PUSH, true, upload_patch_head},
    {ROUTE_UPLOAD, HTTP_PUT, PUSH, true, upload_put_head},
    {ROUTE_UPLOAD, HTTP_GET, PUSH, false, upload_status},
    {ROUTE_UPLOAD, HTTP_DELETE, PUSH, false, upload_cancel},
    {ROUTE_REFERRERS, HTTP_GET, PULL, false, referrers_list},
    {ROUTE_HEALTH, HTTP_GET, FREE, true, health_get_head},
    {ROUTE_METRICS, HTTP_GET, FREE, false, metrics_get},
    {ROUTE_TOKEN, HTTP_GET, FREE, true, token_head},
    {ROUTE_TOKEN, HTTP_POST, FREE, true, token_head},
    {ROUTE_V1_PING, HTTP_GET, FREE, true, v1_ping_head},
    {ROUTE_V1_SEARCH, HTTP_GET, SEARCH, false, v1_search},
    {ROUTE_SEARCH, HTTP_GET, SEARCH, false, search_get},
    {ROUTE_REPOSITORY, HTTP_GET, PULL, false, repository_get},
    {ROUTE_REPOSITORY, HTTP_PATCH, PUSH, true, repository_patch_head},
};
/* As who may do it. FREE and PING are of no repository. */
static const enum policy_action actions[_NEED_MAX] = {
    [PULL] = POLICY_PULL,       [PUSH] = POLICY_PUSH,     [DELETE] = POLICY_DELETE,
    [CATALOG] = POLICY_CATALOG, [SEARCH] = POLICY_SEARCH,
};

static const struct {
    enum http_method method;
    const char *name;
} method_names[] = {
    {HTTP_GET, "GET, HEAD"}, {HTTP_POST, "POST"},     {HTTP_PUT, "PUT"},
    {HTTP_PATCH, "PATCH"},   {HTTP_DELETE, "DELETE"},
};

/* ---- answers ---- */

void reg_headerf(struct http_response *p, const char *name, const char *fmt, ...)
{
    char value[1024];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof value)
        http_response_header(p, name, value);
}

static struct http_response *common(struct http_response *p)
{
    http_response_header(p, "Docker-Distribution-Api-Version", "registry/2.0");
    http_response_header(p, "X-Content-Type-Options", "nosniff");
    return p;
}

struct http_response *reg_response(const void *p, size_t n)
{
    return common(http_response_copy(p, n));
}

void reg_empty(struct rq *rq, unsigned status, struct http_response *p)
{
    http_respond(rq->q, status, p);
}

void reg_json(struct rq *rq, struct buf *b, const char *type, const char *link)
{
    struct http_response *p = b->failed ? NULL : reg_response(buf_str(b), b->n);

    http_response_header(p, "Content-Type", type);
    if (link)
        http_response_header(p, "Link", link);
    reg_stale_headers(rq, p);
    http_respond(rq->q, 200, p);
}

static void send_error(struct rq *rq, enum reg_code code, const char *message, const char *detail,
                       const char *name, const char *value)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64u << 10);

    buf_adds(&b, "{\"errors\":[");
    if (message || rq->refused)
        reg_error_said_json(&b, code, message ? message : detail);
    else
        reg_error_json(&b, code, detail);
    buf_adds(&b, "]}\n");
    struct http_response *p = b.failed ? NULL : reg_response(b.p, b.n);
    http_response_header(p, "Content-Type", "application/json");
    if (name)
        http_response_header(p, name, value);
    else if (code == REG_UNAVAILABLE || code == REG_TOO_MANY_REQUESTS)
        http_response_header(p, "Retry-After", "1");
    http_respond(rq->q, reg_status(code), p);
}

void reg_error_with(struct rq *rq, enum reg_code code, const char *detail, const char *name,
                    const char *value)
{
    send_error(rq, code, NULL, detail, name, value);
}

void reg_error_say(struct rq *rq, enum reg_code code, const char *message, const char *name,
                   const char *value)
{
    send_error(rq, code, message, NULL, name, value);
}

void reg_stale_headers(const struct rq *rq, struct http_response *p)
{
    if (!rq->stale)
        return;
    http_response_header(p, "Warning", "111 - \"Revalidation Failed\"");
    if (rq->age_ns >= 0)
        reg_headerf(p, "Age", "%" PRId64, (int64_t)(rq->age_ns / NS_PER_S));
}

void reg_error(struct rq *rq, enum reg_code code, const char *detail)
{
    reg_error_with(rq, code, detail, NULL, NULL);
}

void reg_fail(struct rq *rq)
{
    enum reg_code code = rq->refused ? REG_DENIED : reg_code_of(rq->e.code);

    if (rq->e.code == SHALE_SYSTEM && (rq->e.sys == EMFILE || rq->e.sys == ENFILE))
        code = REG_UNAVAILABLE; /* too many transfers at once: later there will be less */
    reg_error_with(rq, code, rq->e.msg, NULL, NULL);
}

int reg_refusal(struct rq *rq, int r)
{
    rq->refused = r == -SHALE_LIMIT || r == -SHALE_EXISTS;
    if (r == -SHALE_LIMIT)
        metrics_count(rq->r->metrics, METRICS_QUOTA_REFUSALS, 1);
    return r;
}

int reg_keep_asked(struct rq *rq, const struct digest *d)
{
    if (rq->q->method != HTTP_HEAD || rq->r->read_only)
        return 0;
    int r = state_lease(rq->r->state, d, &rq->e);
    return r == -SHALE_TIMEOUT || r == -SHALE_NO_MEMORY ? r : 0;
}

uint64_t reg_quota(const struct rq *rq)
{
    const struct regconf *c = rq->live->conf;

    return retain_quota(&c->retain, rq->route.name, c->limits.repository_bytes);
}

/* ---- small endpoints ---- */

void base_get_head(struct rq *rq)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(16);

    buf_adds(&b, "{}");
    reg_json(rq, &b, "application/json", NULL);
}

void health_get_head(struct rq *rq)
{
    struct http_response *p = http_response_copy("ok\n", 3);

    http_response_header(p, "Content-Type", "text/plain");
    http_response_header(p, "Cache-Control", "no-store");
    http_respond(rq->q, 200, p);
}

/* ---- query ---- */

const char *rq_query(const struct rq *rq, const char *name)
{
    return http_query_get(&rq->query, name);
}

bool reg_page(struct rq *rq, uint64_t def, struct page *ret)
{
    const char *n = rq_query(rq, "n"), *last = rq_query(rq, "last");

    ret->n = def;
    ret->last = last ? last : "";
    ret->given = n != NULL;
    if (n && !str_to_u64(n, &ret->n)) {
        reg_error(rq, REG_PAGINATION_NUMBER_INVALID, n);
        return false;
    }
    return true;
}

struct etag_search {
    const char *etag;
    bool found;
};

static void see_etags(void *arg, const char *value)
{
    struct etag_search *s = arg;

    s->found |= http_etag_matches(value, s->etag);
}

bool reg_has_etag(const struct http_req *q, const char *etag)
{
    struct etag_search s = {etag, false};

    http_req_each_header(q, "If-None-Match", see_etags, &s);
    return s.found;
}

/* ---- dispatch ---- */

static void rq_done(struct http_req *q)
{
    struct rq *rq = rq_of(q);

    if (rq->session && rq->anonymous) /* broken off, and nobody knows its id */
        upload_discard(session_upload(rq->session));
    session_give(rq->r->sessions, rq->session, rq->anonymous);
    account_end(rq);
    ask_put(rq->r->pull, rq->ask);
    fetch_put(rq->r->pull, rq->fetch);
    live_put(rq->live);
    arena_clear(&rq->a);
    free(rq);
}

static const struct endpoint *find_endpoint(enum route_id route, enum http_method method)
{
    if (method == HTTP_HEAD)
        method = HTTP_GET;
    for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++)
        if (endpoints[i].route == route && endpoints[i].method == method)
            return &endpoints[i];
    return NULL;
}

static void not_allowed(struct rq *rq)
{
    char allow[64] = "";

    for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(method_names); j++) {
            size_t n = strlen(allow);
            if (endpoints[i].route == rq->route.id && endpoints[i].method == method_names[j].method)
                snprintf(allow + n, sizeof allow - n, "%s%s", n ? ", " : "", method_names[j].name);
        }
    }
    reg_error_with(rq, REG_UNSUPPORTED, "method not allowed", "Allow", allow);
}

static void bad_route(struct rq *rq, enum route_error why)
{
    switch (why) {
    case ROUTE_BAD_NAME:
        reg_error(rq, REG_NAME_INVALID, rq->route.name);
        break;
    case ROUTE_BAD_REFERENCE: /* nothing can have that tag; a push is told what is wrong */
        reg_error(rq, rq->q->method == HTTP_PUT ? REG_TAG_INVALID : REG_MANIFEST_UNKNOWN,
                  rq->route.ref);
        break;
    case ROUTE_BAD_DIGEST:
        reg_error(rq, REG_DIGEST_INVALID, rq->route.ref);
        break;
    case ROUTE_OK:
    case ROUTE_BAD_PATH:
        reg_error(rq, REG_NOT_FOUND, NULL);
        break;
    }
}

static bool parse_query(struct rq *rq)
{
    const char *t = rq->q->target;
    size_t n = rq->q->path_bytes;
    struct str s = t[n] == '?' ? str_of(t + n + 1) : STR("");

    return http_query_parse(s, &rq->a, &rq->query);
}

/* HEAD of a digest: reg_keep_asked. */
static bool may_be_of_push(const struct http_req *q)
{
    return q->method == HTTP_HEAD && strpbrk(q->target, ":%");
}

/* A manifest that was asked for before: nothing is parsed, nothing is allocated. */
static bool from_cache(struct registry *r, struct http_req *q)
{
    if ((q->method != HTTP_GET && q->method != HTTP_HEAD) || q->target[q->path_bytes] ||
        (r->events & REGCONF_EVENT_PULL) || may_be_of_push(q))
        return false;
    struct cache_entry *x = cache_get(r->cache, q->target, q->path_bytes);
    if (!x)
        return false;
    bool good = state_generation(r->state, cache_entry_repo(x)) == cache_entry_generation(x) &&
                (cache_entry_until(x) == INT64_MAX || cache_entry_until(x) > time_mono_ns());
    if (good) {
        bool same = reg_has_etag(q, cache_entry_etag(x));
        struct http_response *p = same ? cache_entry_not_modified(x) : cache_entry_full(x);
        http_respond(q, same ? 304 : 200, http_response_ref(p));
        metrics_count(r->metrics, METRICS_CACHE_HITS, 1);
    }
    cache_entry_put(x);
    return good;
}

static void run_deferred(struct http_req *q)
{
    struct rq *rq = rq_of(q);

    rq->working = true;
    find_endpoint(rq->route.id, q->method)->run(rq);
}

static void refuse_push(struct rq *rq)
{
    char message[1024];

    snprintf(message, sizeof message, "%s is a cache of %.700s: push there, or under another name",
             rq->route.name, upstream_conf(rq_upstream(rq))->url);
    reg_error_say(rq, REG_UNSUPPORTED, message, NULL, NULL);
}

/* Whoever asks may have it. */
static void run(struct rq *rq, const struct endpoint *ep)
{
    const struct regconf_server *c = &rq->live->conf->server;
    bool writes = ep->need == PUSH || ep->need == DELETE;

    if (writes && (rq->r->read_only || c->read_only))
        reg_error_say(rq, REG_UNSUPPORTED, "the registry is read-only", NULL, NULL);
    else if (ep->need == PUSH && rq_upstream(rq))
        refuse_push(rq);
    else if (ep->need == DELETE && !c->delete)
        reg_error_say(rq, REG_UNSUPPORTED, "this registry does not delete", NULL, NULL);
    else if (ep->route == ROUTE_MANIFEST && from_cache(rq->r, rq->q))
        return;
    else if (ep->head || rq->working)
        ep->run(rq);
    else
        http_defer(rq->q, run_deferred);
}

static void check_and_run(struct rq *rq)
{
    const struct endpoint *ep = find_endpoint(rq->route.id, rq->q->method);

    if (ep->need == FREE || access_allows(rq, ep->need == PING, actions[ep->need]))
        run(rq, ep);
}

static void check_deferred(struct http_req *q)
{
    struct rq *rq = rq_of(q);

    rq->working = true;
    check_and_run(rq);
}

static void dispatch(struct rq *rq)
{
    struct http_req *q = rq->q;
    enum route_error why = route_parse((struct str){q->target, q->path_bytes}, &rq->a, &rq->route);

    if (why != ROUTE_OK || rq->route.id == ROUTE_NONE) {
        bad_route(rq, why);
        return;
    }
    const struct endpoint *ep = find_endpoint(rq->route.id, q->method);
    if (!ep)
        not_allowed(rq);
    else if (!parse_query(rq))
        reg_error(rq, REG_MALFORMED, rq->q->target + rq->q->path_bytes);
    else if (!cached_mirror(rq))
        return;
    else if (ep->need != FREE && access_is_slow(rq))
        http_defer(q, check_deferred);
    else
        check_and_run(rq);
}

void registry_handle(void *arg, struct http_req *q)
{
    struct registry *r = arg;
    struct live *v = live_get(r);
    int64_t begin = time_mono_ns();

    bool stranger = access_is_stranger(q);

    if (v->conf->policy.open && !stranger && from_cache(r, q)) {
        account_quick(r, v, q, begin);
        live_put(v);
        return;
    }
    struct rq *rq = mem_alloc(sizeof *rq);
    if (!rq) {
        live_put(v);
        return; /* 500 */
    }
    rq->r = r;
    rq->q = q;
    rq->live = v;
    arena_init(&rq->a, REG_REQUEST_ARENA);
    q->ctx = rq;
    q->done = rq_done;
    account_begin(rq);
    if (stranger)
        access_refuse_stranger(rq);
    else
        dispatch(rq);
}

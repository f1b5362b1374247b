/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of requests: access log, metrics, notifications. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "registry/reg.h"

#define FIELD_BYTES 512 /* of a header that is kept for the log */

const char *const account_routes[_ROUTE_MAX] = {
    [ROUTE_NONE] = "other",          [ROUTE_BASE] = "base",
    [ROUTE_CATALOG] = "catalog",     [ROUTE_TAGS] = "tags",
    [ROUTE_MANIFEST] = "manifest",   [ROUTE_BLOB] = "blob",
    [ROUTE_UPLOADS] = "uploads",     [ROUTE_UPLOAD] = "upload",
    [ROUTE_REFERRERS] = "referrers", [ROUTE_HEALTH] = "health",
    [ROUTE_METRICS] = "metrics",     [ROUTE_TOKEN] = "token",
    [ROUTE_V1_PING] = "v1_ping",     [ROUTE_V1_SEARCH] = "v1_search",
    [ROUTE_SEARCH] = "search",       [ROUTE_REPOSITORY] = "repository",
};

static void account_peer(const struct http_req *q, char *ret, size_t n)
{
    char text[64];

    http_req_peer(q, text, sizeof text);
    char *colon = strrchr(text, ':');
    if (colon)
        *colon = 0;
    size_t k = strlen(text);
    if (text[0] == '[' && k > 1 && text[k - 1] == ']') {
        text[k - 1] = 0;
        snprintf(ret, n, "%s", text + 1);
    } else {
        snprintf(ret, n, "%s", text);
    }
}

/* ---- one request ---- */

static const char *keep(struct rq *rq, const char *name)
{
    const char *value = http_req_header(rq->q, name);

    return value ? arena_strndup(&rq->a, value, strnlen(value, FIELD_BYTES)) : NULL;
}

void account_begin(struct rq *rq)
{
    rq->begin_ns = time_now_ns();
    rq->begin_mono = time_mono_ns();
    account_peer(rq->q, rq->peer, sizeof rq->peer);
    rq->host = keep(rq, "Host");
    rq->user_agent = keep(rq, "User-Agent");
    if (!rq->live->log && !rq->r->events)
        return;
    rq->referer = keep(rq, "Referer");
    snprintf(rq->id, sizeof rq->id, "%s-%" PRIx64, rq->r->instance,
             atomic_fetch_add_explicit(&rq->r->n_requests, 1, memory_order_relaxed));
}

static void count(struct registry *r, const struct http_req *q, enum route_id route, int status,
                  int64_t took)
{
    metrics_request(r->metrics, route, metrics_method_of(q->verb), status, q->body_bytes,
                    q->answer_bytes, took);
}

void account_end(struct rq *rq)
{
    const struct http_req *q = rq->q;
    struct accesslog_entry x = {
        .begin_ns = rq->begin_ns,
        .took_ns = time_mono_ns() - rq->begin_mono,
        .peer = rq->peer,
        .user = rq->who.user,
        .method = q->verb,
        .target = q->target,
        .protocol = q->protocol,
        .host = rq->host,
        .referer = rq->referer,
        .user_agent = rq->user_agent,
        .id = rq->id,
        .status = (int)q->sent_status,
        .bytes_in = q->body_bytes,
        .bytes_out = q->answer_bytes,
    };

    /* Whoever went before there was an answer: 499, as other servers write it. */
    if (x.status == 0)
        x.status = 499;
    if (rq->live->log)
        accesslog_write(rq->live->log, &x);
    count(rq->r, q, rq->route.id, x.status, x.took_ns);
}

void account_quick(struct registry *r, struct live *v, const struct http_req *q, int64_t begin_mono)
{
    char peer[64], id[40];
    int64_t took = time_mono_ns() - begin_mono;

    count(r, q, ROUTE_MANIFEST, (int)q->sent_status, took);
    if (!v->log)
        return;
    account_peer(q, peer, sizeof peer);
    snprintf(id, sizeof id, "%s-%" PRIx64, r->instance,
             atomic_fetch_add_explicit(&r->n_requests, 1, memory_order_relaxed));
    struct accesslog_entry x = {
        .begin_ns = time_now_ns() - took,
        .took_ns = took,
        .peer = peer,
        .method = q->verb,
        .target = q->target,
        .protocol = q->protocol,
        .host = http_req_header(q, "Host"),
        .referer = http_req_header(q, "Referer"),
        .user_agent = http_req_header(q, "User-Agent"),
        .id = id,
        .status = (int)q->sent_status,
        .bytes_out = q->answer_bytes,
    };
    accesslog_write(v->log, &x);
}

/* ---- GET /metrics ---- */

/* Something in front of us says so when the reader is elsewhere. */
static bool is_local(const struct rq *rq)
{
    bool local = str_has_prefix(rq->peer, "127.") || streq(rq->peer, "::1") ||
                 str_has_prefix(rq->peer, "::ffff:127.") || streq(rq->peer, "unix");

    return local && !http_req_header(rq->q, "X-Forwarded-For") &&
           !http_req_header(rq->q, "Forwarded");
}

static void print(struct rq *rq)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(METRICS_MAX_BYTES);
    struct registry *r = rq->r;
    struct http_server_stats s;

    http_server_stats(r->server, &s);
    metrics_set(r->metrics, METRICS_CONNECTIONS, (int64_t)s.n_connections);
    metrics_set(r->metrics, METRICS_IN_FLIGHT, (int64_t)s.n_active);
    metrics_set(r->metrics, METRICS_INDEX_WAITING, (int64_t)indexer_waiting(r->indexer));
    metrics_total(r->metrics, METRICS_LOG_DROPPED,
                  r->log_dropped + (rq->live->log ? accesslog_dropped(rq->live->log) : 0));
    metrics_print(r->metrics, &b);
    struct http_response *p = b.failed ? NULL : http_response_copy(b.p, b.n);
    http_response_header(p, "Content-Type", METRICS_CONTENT_TYPE);
    http_response_header(p, "Cache-Control", "no-store");
    http_respond(rq->q, 200, p);
}

void metrics_get(struct rq *rq)
{
    switch (rq->live->conf->server.metrics) {
    case REGCONF_METRICS_OFF:
        reg_error(rq, REG_NOT_FOUND, NULL);
        return;
    case REGCONF_METRICS_LOOPBACK:
        if (!is_local(rq)) {
            reg_error(rq, REG_DENIED, "metrics are for this machine ([server] metrics)");
            return;
        }
        break;
    default:
        break;
    }
    print(rq);
}

/* ---- notifications ---- */

void reg_event(struct rq *rq, unsigned action, const struct reg_target *t)
{
    if (!(rq->r->events & action))
        return;
    struct notify_event ev = {
        .action = action,
        .time_ns = time_now_ns(),
        .repository = rq->route.name,
        .from_repository = t->from,
        .media_type = t->media_type,
        .digest = t->digest,
        .tag = t->tag,
        .size = t->size,
        .is_blob = t->is_blob,
        .references = t->references,
        .n_references = t->n_references,
        .base_url = rq_base_url(rq),
        .request_id = rq->id,
        .peer = rq->peer,
        .host = rq->host,
        .method = rq->q->verb,
        .user_agent = rq->user_agent,
        .actor = rq->who.user,
    };
    notify_send(rq->r->notify, &ev);
}

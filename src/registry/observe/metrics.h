/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the registry counts, as Prometheus text (exposition format 0.0.4).
 *
 *   metrics_new(route_names, n_routes, &m, e);
 *   metrics_request(m, route, METRICS_GET, 200, in, out, took_ns);   // hot path: no lock
 *   metrics_print(m, &buf);                                          // GET /metrics
 *
 * Counters lie in METRICS_SHARDS copies on cache lines of their own; a thread adds to one of them
 * with a relaxed atomic, printing adds them up. Any number of threads. Names of routes are borrowed
 * (static text of letters and '_').
 */
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define METRICS_MAX_ROUTES 32
#define METRICS_SHARDS     16
#define METRICS_MAX_BYTES  (1u << 20) /* of the text */

enum metrics_method {
    METRICS_GET,
    METRICS_HEAD,
    METRICS_POST,
    METRICS_PUT,
    METRICS_PATCH,
    METRICS_DELETE,
    METRICS_OTHER,
    _METRICS_METHOD_MAX,
};
enum metrics_method metrics_method_of(const char *method);

enum metrics_counter {
    METRICS_UPLOADS_BEGUN,
    METRICS_UPLOADS_DONE,
    METRICS_UPLOADS_FAILED,
    METRICS_CACHE_HITS,
    METRICS_CACHE_MISSES,
    METRICS_AUTH_FAILURES,
    METRICS_EVENTS_SENT,
    METRICS_EVENTS_FAILED,
    METRICS_EVENTS_DROPPED,
    METRICS_LOG_DROPPED,
    METRICS_QUOTA_REFUSALS,
    METRICS_GC_RUNS,
    METRICS_GC_FAILURES,
    METRICS_GC_TAGS,
    METRICS_GC_MANIFESTS,
    METRICS_GC_BLOBS,
    METRICS_GC_BYTES,
    METRICS_UPSTREAM_HITS,
    METRICS_UPSTREAM_MISSES,
    METRICS_UPSTREAM_STALE,
    METRICS_UPSTREAM_REQUESTS,
    METRICS_UPSTREAM_FAILURES,
    METRICS_UPSTREAM_BYTES,
    _METRICS_COUNTER_MAX,
};
enum metrics_gauge {
    METRICS_CONNECTIONS,
    METRICS_IN_FLIGHT,
    METRICS_EVENTS_QUEUED,
    METRICS_GC_LAST,
    METRICS_INDEX_WAITING,
    _METRICS_GAUGE_MAX,
};

struct metrics;

int metrics_new(const char *const *routes, size_t n_routes, struct metrics **ret,
                struct shale_err *e);
struct metrics *metrics_free(struct metrics *m); /* NULL in, NULL out */

/* A request that has ended. A route that is none counts as the last one. */
void metrics_request(struct metrics *m, size_t route, enum metrics_method method, int status,
                     uint64_t bytes_in, uint64_t bytes_out, int64_t took_ns);
void metrics_count(struct metrics *m, enum metrics_counter c, uint64_t n);
void metrics_set(struct metrics *m, enum metrics_gauge g, int64_t value);
void metrics_move(struct metrics *m, enum metrics_gauge g, int64_t delta);
/* For counters that are kept elsewhere (accesslog_dropped): the total so far. */
void metrics_total(struct metrics *m, enum metrics_counter c, uint64_t total);

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
void metrics_print(struct metrics *m, struct buf *b);

/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/observe/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

#define N_BUCKETS 12
#define N_CLASSES 5

static const struct bucket {
    int64_t below_ns;
    const char *le;
} buckets[N_BUCKETS] = {
    {100 * 1000, "0.0001"},   {NS_PER_MS, "0.001"},     {5 * NS_PER_MS, "0.005"},
    {10 * NS_PER_MS, "0.01"}, {50 * NS_PER_MS, "0.05"}, {100 * NS_PER_MS, "0.1"},
    {500 * NS_PER_MS, "0.5"}, {NS_PER_S, "1"},          {5 * NS_PER_S, "5"},
    {30 * NS_PER_S, "30"},    {300 * NS_PER_S, "300"},  {INT64_MAX, "+Inf"},
};

typedef atomic_uint_fast64_t cell;

struct shard {
    cell requests[METRICS_MAX_ROUTES][_METRICS_METHOD_MAX][N_CLASSES];
    cell took[METRICS_MAX_ROUTES][N_BUCKETS]; /* each bucket by itself; summed up when printed */
    cell took_ns[METRICS_MAX_ROUTES];
    cell bytes_in, bytes_out;
    cell counters[_METRICS_COUNTER_MAX];
} __attribute__((aligned(64)));

struct metrics {
    struct shard shards[METRICS_SHARDS];
    cell totals[_METRICS_COUNTER_MAX];
    atomic_int_fast64_t gauges[_METRICS_GAUGE_MAX];
    const char *routes[METRICS_MAX_ROUTES];
    size_t n_routes;
};

static const struct {
    const char *name, *help;
} counter_texts[_METRICS_COUNTER_MAX] = {
    [METRICS_UPLOADS_BEGUN] = {"uploads_begun", "Uploads that were begun."},
    [METRICS_UPLOADS_DONE] = {"uploads_done", "Uploads that became a blob."},
    [METRICS_UPLOADS_FAILED] = {"uploads_failed", "Uploads that were canceled or wrong."},
    [METRICS_CACHE_HITS] = {"cache_hits", "Manifests that were answered from memory."},
    [METRICS_CACHE_MISSES] = {"cache_misses", "Manifests that were read from disk."},
    [METRICS_AUTH_FAILURES] = {"auth_failures", "Wrong passwords and tokens."},
    [METRICS_EVENTS_SENT] = {"events_sent", "Notifications that were taken."},
    [METRICS_EVENTS_FAILED] = {"events_failed", "Deliveries that failed."},
    [METRICS_EVENTS_DROPPED] = {"events_dropped", "Notifications given up."},
    [METRICS_LOG_DROPPED] = {"log_dropped", "Lines missing in the access log."},
    [METRICS_QUOTA_REFUSALS] = {"quota_refusals", "Pushes and mounts refused by a quota."},
    [METRICS_GC_RUNS] = {"gc_runs", "Collections by this server."},
    [METRICS_GC_FAILURES] = {"gc_failures", "Collections that ended early."},
    [METRICS_GC_TAGS] = {"gc_tags", "Tags that were removed by retention."},
    [METRICS_GC_MANIFESTS] = {"gc_manifests", "Manifests that were collected."},
    [METRICS_GC_BLOBS] = {"gc_blobs", "Blobs that were collected."},
    [METRICS_GC_BYTES] = {"gc_bytes", "Bytes that collections have freed."},
    [METRICS_UPSTREAM_HITS] = {"upstream_hits",
                               "Requests for cached repositories answered without the upstream."},
    [METRICS_UPSTREAM_MISSES] = {"upstream_misses", "Requests that needed an upstream."},
    [METRICS_UPSTREAM_STALE] = {"upstream_stale",
                                "Requests answered with what is here because the upstream failed."},
    [METRICS_UPSTREAM_REQUESTS] = {"upstream_requests",
                                   "Questions to upstreams: tags, manifests, blobs, lists."},
    [METRICS_UPSTREAM_FAILURES] = {"upstream_failures", "Of them, those that failed."},
    [METRICS_UPSTREAM_BYTES] = {"upstream_bytes", "Bytes of blobs that came from upstreams."},
};
static const struct {
    const char *name, *help;
} gauge_texts[_METRICS_GAUGE_MAX] = {
    [METRICS_CONNECTIONS] = {"connections", "Open connections."},
    [METRICS_IN_FLIGHT] = {"requests_in_flight", "Requests that are being answered."},
    [METRICS_EVENTS_QUEUED] = {"events_queued", "Notifications that wait."},
    [METRICS_GC_LAST] = {"gc_last_timestamp_seconds",
                         "When the last collection by this server ended; 0: none yet."},
    [METRICS_INDEX_WAITING] = {"index_waiting", "Images and layers that cannot be searched yet."},
};
static const char *const method_names[_METRICS_METHOD_MAX] = {"GET",   "HEAD",   "POST", "PUT",
                                                              "PATCH", "DELETE", "other"};

enum metrics_method metrics_method_of(const char *method)
{
    for (int i = 0; i < METRICS_OTHER; i++)
        if (streq(method, method_names[i]))
            return (enum metrics_method)i;
    return METRICS_OTHER;
}

int metrics_new(const char *const *routes, size_t n_routes, struct metrics **ret,
                struct shale_err *e)
{
    if (n_routes == 0 || n_routes > METRICS_MAX_ROUTES)
        return err_set(e, SHALE_INVALID, "1 to %d routes can be counted", METRICS_MAX_ROUTES);
    struct metrics *m = aligned_alloc(64, sizeof *m);
    if (!m)
        return err_nomem(e);
    memset(m, 0, sizeof *m);
    memcpy(m->routes, routes, n_routes * sizeof *routes);
    m->n_routes = n_routes;
    *ret = m;
    return 0;
}

struct metrics *metrics_free(struct metrics *m)
{
    free(m);
    return NULL;
}

/* ---- counting ---- */

static struct shard *shard_of(struct metrics *m)
{
    static atomic_uint next;
    static _Thread_local unsigned mine; /* 0: none yet */

    if (mine == 0)
        mine = 1 + atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % METRICS_SHARDS;
    return &m->shards[mine - 1];
}

static void plus(cell *c, uint64_t n)
{
    atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

void metrics_request(struct metrics *m, size_t route, enum metrics_method method, int status,
                     uint64_t bytes_in, uint64_t bytes_out, int64_t took_ns)
{
    struct shard *s = shard_of(m);
    int class = status < 100 || status > 599 ? N_CLASSES - 1 : status / 100 - 1;
    size_t b = 0;

    if (route >= m->n_routes)
        route = m->n_routes - 1;
    while (b < N_BUCKETS - 1 && took_ns > buckets[b].below_ns)
        b++;
    plus(&s->requests[route][method][class], 1);
    plus(&s->took[route][b], 1);
    plus(&s->took_ns[route], took_ns > 0 ? (uint64_t)took_ns : 0);
    plus(&s->bytes_in, bytes_in);
    plus(&s->bytes_out, bytes_out);
}

void metrics_count(struct metrics *m, enum metrics_counter c, uint64_t n)
{
    plus(&shard_of(m)->counters[c], n);
}

void metrics_total(struct metrics *m, enum metrics_counter c, uint64_t total)
{
    atomic_store_explicit(&m->totals[c], total, memory_order_relaxed);
}

void metrics_set(struct metrics *m, enum metrics_gauge g, int64_t value)
{
    atomic_store_explicit(&m->gauges[g], value, memory_order_relaxed);
}

void metrics_move(struct metrics *m, enum metrics_gauge g, int64_t delta)
{
    atomic_fetch_add_explicit(&m->gauges[g], delta, memory_order_relaxed);
}

/* ---- printing ---- */

/* A cell over all shards, by its place in the first. */
static uint64_t sum(const struct metrics *m, const cell *first)
{
    size_t offset = (size_t)((const char *)first - (const char *)&m->shards[0]);
    uint64_t n = 0;

    for (size_t i = 0; i < METRICS_SHARDS; i++)
        n += atomic_load_explicit((const cell *)((const char *)&m->shards[i] + offset),
                                  memory_order_relaxed);
    return n;
}

static void head(struct buf *b, const char *name, const char *suffix, const char *type,
                 const char *help)
{
    buf_addf(b, "# HELP shale_registry_%s%s %s\n# TYPE shale_registry_%s%s %s\n", name, suffix,
             help, name, suffix, type);
}

static void print_requests(const struct metrics *m, struct buf *b)
{
    const struct shard *s = &m->shards[0];

    head(b, "requests", "_total", "counter", "Requests that were answered.");
    for (size_t r = 0; r < m->n_routes; r++)
        for (size_t method = 0; method < _METRICS_METHOD_MAX; method++)
            for (size_t class = 0; class < N_CLASSES; class ++) {
                uint64_t n = sum(m, &s->requests[r][method][class]);
                if (n)
                    buf_addf(b,
                             "shale_registry_requests_total{route=\"%s\",method=\"%s\",status=\"%zu"
                             "xx\"} %" PRIu64 "\n",
                             m->routes[r], method_names[method], class + 1, n);
            }
}

static void print_times(const struct metrics *m, struct buf *b)
{
    const struct shard *s = &m->shards[0];

    head(b, "request_seconds", "", "histogram", "How long requests took.");
    for (size_t r = 0; r < m->n_routes; r++) {
        uint64_t n = 0;
        for (size_t k = 0; k < N_BUCKETS; k++)
            n += sum(m, &s->took[r][k]);
        if (n == 0)
            continue;
        n = 0;
        for (size_t k = 0; k < N_BUCKETS; k++) {
            n += sum(m, &s->took[r][k]);
            buf_addf(b,
                     "shale_registry_request_seconds_bucket{route=\"%s\",le=\"%s\"} %" PRIu64 "\n",
                     m->routes[r], buckets[k].le, n);
        }
        uint64_t ns = sum(m, &s->took_ns[r]);
        buf_addf(b,
                 "shale_registry_request_seconds_sum{route=\"%s\"} %" PRIu64 ".%09" PRIu64
                 "\nshale_registry_request_seconds_count{route=\"%s\"} %" PRIu64 "\n",
                 m->routes[r], ns / (uint64_t)NS_PER_S, ns % (uint64_t)NS_PER_S, m->routes[r], n);
    }
}

static void print_counter(struct buf *b, const char *name, const char *help, uint64_t n)
{
    head(b, name, "_total", "counter", help);
    buf_addf(b, "shale_registry_%s_total %" PRIu64 "\n", name, n);
}

void metrics_print(struct metrics *m, struct buf *b)
{
    const struct shard *s = &m->shards[0];

    print_requests(m, b);
    print_times(m, b);
    print_counter(b, "received_bytes", "Bytes of request bodies.", sum(m, &s->bytes_in));
    print_counter(b, "sent_bytes", "Bytes of answers' bodies.", sum(m, &s->bytes_out));
    for (size_t i = 0; i < _METRICS_COUNTER_MAX; i++)
        print_counter(b, counter_texts[i].name, counter_texts[i].help,
                      sum(m, &s->counters[i]) +
                          atomic_load_explicit(&m->totals[i], memory_order_relaxed));
    for (size_t i = 0; i < _METRICS_GAUGE_MAX; i++) {
        head(b, gauge_texts[i].name, "", "gauge", gauge_texts[i].help);
        buf_addf(b, "shale_registry_%s %" PRId64 "\n", gauge_texts[i].name,
                 (int64_t)atomic_load_explicit(&m->gauges[i], memory_order_relaxed));
    }
}

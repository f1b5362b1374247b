/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of the registry: the handle, one request, and what its handlers share. A handler runs in a
 * work thread unless its name says _head; it answers with one of reg_*. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "blob/blob.h"
#include "http/query.h"
#include "http/server.h"
#include "registry/observe/accesslog.h"
#include "registry/auth/authz.h"
#include "registry/upstream/cache.h"
#include "registry/errors.h"
#include "registry/index/indexer.h"
#include "registry/observe/metrics.h"
#include "registry/observe/notify.h"
#include "registry/conf/regconf.h"
#include "registry/registry.h"
#include "registry/route.h"
#include "registry/sessions.h"
#include "registry/state/state.h"

#define REG_REQUEST_ARENA (64u << 20)
#define REG_LIST_DEFAULT  100   /* names in a page, where the client does not say */
#define REG_LIST_MAX      10000 /* and at most */

struct upstreams;
struct upstream;
struct pull;
struct ask;
struct fetch;

struct live {          /* live.c */
    struct live *next; /* of the old ones */
    atomic_uint refs;
    struct regconf *conf;
    struct authz *authz;
    struct accesslog *log;       /* NULL: off */
    struct upstreams *upstreams; /* NULL: none */
};

struct registry {
    struct arena arena;
    const char *root;
    struct live *first;    /* what it was opened with: listeners, storage, limits, receivers */
    bool read_only;        /* of the storage */
    pthread_mutex_t mutex; /* guards live, old */
    struct live *live, *old;
    struct metrics *metrics;
    struct notify *notify; /* NULL: nobody wants events */
    unsigned events;       /* that somebody wants */
    char instance[17];     /* with a number, the name of a request */
    _Atomic uint64_t n_requests;
    _Atomic uint64_t log_dropped; /* by logs that are closed */
    int root_fd;
    struct blobs *blobs;
    struct state *state;
    struct cache *cache;
    struct sessions *sessions;
    struct http_server *server;
    struct http_listener *listeners;
    size_t n_listeners;
    char (*addresses)[160];
    struct http_cert *certs; /* a listener each, or not */
    size_t n_certs;
    struct janitor *janitor;
    struct index *index;
    struct indexer *indexer; /* NULL: read-only */
    struct pull *pull;       /* NULL: no config had an [upstream] yet */
};

struct rq { /* a request */
    struct registry *r;
    struct http_req *q;
    struct live *live;
    struct arena a;
    struct authz_answer who;
    bool working; /* we are in a work thread */
    /* for the log and for events */
    int64_t begin_ns, begin_mono;
    char peer[64], id[40];
    const char *host, *referer, *user_agent;
    struct route route;
    struct http_query query;
    struct digest digest; /* of routes that have one */
    struct shale_err e;
    bool refused; /* e is a refusal by rule: told in its own words, as DENIED */
    /* of repositories that are a cache: pull.h */
    struct ask *ask;
    struct fetch *fetch;
    struct rq *next_waiting;
    void (*then)(struct http_req *q);
    bool stale;     /* the answer is what is here, because the upstream cannot be asked */
    int64_t age_ns; /* then: of it; negative: not known */
    /* of uploads */
    struct session *session;
    bool anonymous; /* the upload lives as long as this request */
    uint64_t begin; /* size of the upload when this request began */
    bool has_range;
    uint64_t range_first, range_last;
    uint64_t most; /* bytes that the upload may have */
    bool most_is_quota;
};

static inline struct rq *rq_of(struct http_req *q)
{
    return q->ctx;
}
const char *rq_query(const struct rq *rq, const char *name); /* NULL if absent */
/* Does the client have what has this tag already (If-None-Match, in one line or several)? */
bool reg_has_etag(const struct http_req *q, const char *etag);

/* ---- answers; each ends the request ---- */
/* A response with the headers that all have; NULL (memory) may be passed on to the others. */
struct http_response *reg_response(const void *p, size_t n);
void reg_error(struct rq *rq, enum reg_code code, const char *detail);
/* In other words than the code has by itself; name and value: of one more header, or NULL. */
void reg_error_say(struct rq *rq, enum reg_code code, const char *message, const char *name,
                   const char *value);
/* With one more header. */
void reg_error_with(struct rq *rq, enum reg_code code, const char *detail, const char *name,
                    const char *value);
/* From rq->e. */
void reg_fail(struct rq *rq);
/* The result of a function of the state that may say EXISTS (immutable) or LIMIT (quota); marks
 * rq as refused then, and returns r. */
int reg_refusal(struct rq *rq, int r);
uint64_t reg_quota(const struct rq *rq); /* of the route's repository; 0: none */
void reg_empty(struct rq *rq, unsigned status, struct http_response *p);
/* 200 with JSON; takes what b holds. */
void reg_json(struct rq *rq, struct buf *b, const char *type, const char *link);
void reg_headerf(struct http_response *p, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- handlers ---- */
void base_get_head(struct rq *rq);
void health_get_head(struct rq *rq);
void token_head(struct rq *rq);
void metrics_get(struct rq *rq);
void blob_get(struct rq *rq);
void blob_delete(struct rq *rq);
void upload_start_head(struct rq *rq);
void upload_patch_head(struct rq *rq);
void upload_put_head(struct rq *rq);
void upload_status(struct rq *rq);
void upload_cancel(struct rq *rq);
void manifest_get(struct rq *rq);
void manifest_put_head(struct rq *rq);
void manifest_delete(struct rq *rq);
void tags_list(struct rq *rq);
void catalog_list(struct rq *rq);
void referrers_list(struct rq *rq);
void v1_ping_head(struct rq *rq);
void v1_search(struct rq *rq);
void search_get(struct rq *rq);
void repository_get(struct rq *rq);
void repository_patch_head(struct rq *rq);

/* Warning and Age, where rq->stale says so. p may be NULL. */
void reg_stale_headers(const struct rq *rq, struct http_response *p);
/* The answer to GET and HEAD. `generation`: of the repository before the manifest was looked up;
 * `until` (monotonic): how long it may be answered from memory. */
void reg_send_manifest(struct rq *rq, const struct state_manifest *m, uint64_t generation,
                       int64_t until);
/* Whoever asks with HEAD whether something is there is about to push what needs it: a lease keeps
 * collectors off, so ask again afterwards. Where nothing can be written nothing can be pushed, and
 * no lease is taken. Returns 0 or -code. */
int reg_keep_asked(struct rq *rq, const struct digest *d);
/* What the state keeps of what a manifest says: children, subject, type, annotations. */
int reg_manifest_rows(const struct manifest *m, struct arena *a, struct state_put *p,
                      struct shale_err *e);
/* The whole blob or the part that was asked for, from a file. */
void reg_send_blob(struct rq *rq, const struct digest *d, uint64_t size);
struct blob_part { /* what a Range asks of a blob */
    uint64_t first, n;
    bool part; /* 206 */
};
/* false: answered (416). */
bool reg_blob_part(struct rq *rq, const struct digest *d, uint64_t size, struct blob_part *ret);
/* Sends p, the bytes of x (NULL: no memory). */
void reg_answer_blob(struct rq *rq, const struct digest *d, uint64_t size,
                     const struct blob_part *x, struct http_response *p);
/* The n and last of a page of `l`. */
struct page;
void reg_answer_tags(struct rq *rq, const struct page *page, const struct state_names *l);

/* Annotations as a JSON object, "" when there are none; NULL: no memory. */
const char *reg_annotations(const struct strmap *m, struct arena *a);

/* The n and last of a listing. false: answered with an error. */
struct page {
    uint64_t n;
    const char *last;
    bool given; /* n was */
};
bool reg_page(struct rq *rq, uint64_t def, struct page *ret);
/* ---- live.c: what a reload replaces ---- */

/* Takes conf, also on failure. */
int live_open(struct registry *r, struct regconf *conf, struct live **ret, struct shale_err *e);
struct live *live_get(struct registry *r);
struct live *live_ref(struct live *v); /* one more of one that somebody has */
void live_put(struct live *v);
void live_drop(struct registry *r, struct live *v);    /* one that nobody else has */
void live_replace(struct registry *r, struct live *v); /* takes it; NULL at the end */
void live_sweep(struct registry *r);                   /* frees old ones that nobody has */

/* registry.c */
void registry_indexer_opts(const struct regconf *c, struct indexer_opts *ret);

/* ---- auth/access.c ---- */

/* "https://host:port" as the client reached us; NULL: no memory. */
const char *rq_base_url(struct rq *rq);
/* Are there credentials, so that it takes a work thread to look at them? */
bool access_is_slow(const struct rq *rq);
/* Does its certificate, or that it has none, keep the client out? */
bool access_is_stranger(const struct http_req *q);
void access_refuse_stranger(struct rq *rq);
/* false: answered. Fills rq->who. */
bool access_allows(struct rq *rq, bool ping, enum policy_action action);
bool access_may_mount(const struct rq *rq);

/* ---- account.c: log, metrics, notifications ---- */

extern const char *const account_routes[_ROUTE_MAX];
void account_begin(struct rq *rq);
void account_end(struct rq *rq);
/* A request that had no struct rq. */
void account_quick(struct registry *r, struct live *v, const struct http_req *q,
                   int64_t begin_mono);
struct reg_target { /* of an event; texts may be NULL */
    const char *media_type, *digest, *tag, *from;
    uint64_t size;
    bool is_blob;
    const struct descriptor *references; /* of a manifest */
    size_t n_references;
};
/* One of REGCONF_EVENT_*, if somebody wants it. From a work thread, before the answer. */
void reg_event(struct rq *rq, unsigned action, const struct reg_target *t);

/* gc.c: one collection in what is open; *ret is set also when it broke off. Whoever calls it holds
 * the lock: a descriptor of it, or -code; without `wait` IN_USE when another collects. */
int registry_collect(int root_fd, struct state *state, struct blobs *blobs,
                     const struct registry_gc_opts *o, struct cancel *cancel,
                     struct registry_gc_result *ret, struct shale_err *e);
/* Makes the room that collections need on a full disk, if it is not there and can be had. */
void registry_keep_reserve(int root_fd);
/* What goes, as an event; false: of that there are none. `why` holds a text of it. */
bool registry_gc_event(const struct registry_gc_item *i, char why[256], struct notify_event *ret);
int registry_gc_lock(int root_fd, bool wait, struct cancel *cancel, struct shale_err *e);
/* dispatch.c */
void registry_handle(void *arg, struct http_req *q);
/* janitor.c: uploads that have not changed since then are removed. */
void registry_purge_uploads(struct registry *r, int64_t before);
/* A thread that removes stale uploads now and then. */
int janitor_start(struct registry *r, struct shale_err *e);
void janitor_stop(struct registry *r);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of the registry: the handle, one request, and what its handlers share. A handler runs in a
 * work thread unless its name says _head; it answers with one of reg_*. */
#include "base/arena.h"
#include "blob/blob.h"
#include "http/query.h"
#include "http/server.h"
#include "registry/cache.h"
#include "registry/errors.h"
#include "registry/registry.h"
#include "registry/route.h"
#include "registry/sessions.h"
#include "registry/state.h"

#define REG_REQUEST_ARENA (64u << 20)
#define REG_LIST_DEFAULT  100   /* names in a page, where the client does not say */
#define REG_LIST_MAX      10000 /* and at most */

struct registry {
    struct registry_opts o;
    struct arena arena; /* copies of the options */
    int root_fd;
    struct blobs *blobs;
    struct state *state;
    struct cache *cache;
    struct sessions *sessions;
    struct http_server *server;
    struct http_listener *listeners;
    size_t n_listeners;
    char (*addresses)[160];
    struct janitor *janitor;
};

struct rq { /* a request */
    struct registry *r;
    struct http_req *q;
    struct arena a;
    struct route route;
    struct http_query query;
    struct digest digest; /* of routes that have one */
    struct shale_err e;
    /* of uploads */
    struct session *session;
    bool anonymous; /* the upload lives as long as this request */
    uint64_t begin; /* size of the upload when this request began */
    bool has_range;
    uint64_t range_first, range_last;
};

static inline struct rq *rq_of(struct http_req *q)
{
    return q->ctx;
}
const char *rq_query(const struct rq *rq, const char *name); /* NULL if absent */

/* ---- answers; each ends the request ---- */
/* A response with the headers that all have; NULL (memory) may be passed on to the others. */
struct http_response *reg_response(const void *p, size_t n);
void reg_error(struct rq *rq, enum reg_code code, const char *detail);
/* From rq->e. */
void reg_fail(struct rq *rq);
void reg_empty(struct rq *rq, unsigned status, struct http_response *p);
/* 200 with JSON; takes what b holds. */
void reg_json(struct rq *rq, struct buf *b, const char *type, const char *link);
void reg_headerf(struct http_response *p, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- handlers ---- */
void base_get_head(struct rq *rq);
void health_get_head(struct rq *rq);
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

/* Annotations as a JSON object, "" when there are none; NULL: no memory. */
const char *reg_annotations(const struct strmap *m, struct arena *a);

/* The n and last of a listing. false: answered with an error. */
struct page {
    uint64_t n;
    const char *last;
    bool given; /* n was */
};
bool reg_page(struct rq *rq, uint64_t def, struct page *ret);
/* dispatch.c */
void registry_handle(void *arg, struct http_req *q);
/* janitor.c: uploads that have not changed since then are removed. */
void registry_purge_uploads(struct registry *r, int64_t before);
/* A thread that removes stale uploads now and then. */
int janitor_start(struct registry *r, struct shale_err *e);
void janitor_stop(struct registry *r);

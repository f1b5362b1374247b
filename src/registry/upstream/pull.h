/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is got from other registries. Two kinds of work, each with threads of its own, so that a
 * slow upstream holds up nobody but those who want something from it:
 *
 *   asks     short questions: a manifest, is a blob there, lists. What they bring is in the state
 * or in the struct ask. fetches  blobs. Those who want one are served while it arrives.
 *
 * Requests sleep without a thread (http_park). Who asks for the same at the same time shares one
 * question or one transfer; the question goes on when a client has gone.
 *
 * Locks: that of pull guards its tables; that of a fetch guards who waits for bytes. The second may
 * be taken under the first, never the other way round.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/cancel.h"
#include "base/workq.h"
#include "registry/upstream/missing.h"
#include "registry/reg.h"
#include "registry/upstream/upstream.h"

#define PULL_BUCKETS     256 /* power of two */
#define PULL_ASK_THREADS 16
#define PULL_FETCHES     32   /* blobs at the same time; more wait */
#define PULL_MAX         8192 /* of each kind at once, with those that wait for a thread */

struct pull {
    struct registry *r;
    pthread_mutex_t mutex; /* guards the tables, what waits in asks, and counts of references */
    struct ask *asks[PULL_BUCKETS];
    struct fetch *fetches[PULL_BUCKETS];
    size_t n_asks, n_fetches;
    size_t n_flows; /* answers that read along */
    struct workq *ask_q, *fetch_q;
    struct missing *missing;
    struct cancel cancel;
};

int pull_open(struct registry *r, struct pull **ret, struct shale_err *e);
/* What runs comes to its end now, with an error. */
void pull_let_go(struct pull *p); /* accepts NULL */
/* After the server has stopped. Accepts NULL, returns NULL. */
struct pull *pull_close(struct pull *p);

/* ---- asks ---- */
enum ask_kind { ASK_MANIFEST, ASK_STAT, ASK_TAGS, ASK_REFERRERS, _ASK_MAX };
struct ask {
    struct ask *chain;
    struct work work;
    struct pull *p;
    struct live *live; /* whose the upstream is */
    struct upstream *up;
    enum ask_kind kind;
    unsigned refs;
    struct rq *waiting;
    struct arena a;
    const char *repo, *ref; /* ref: tag or digest, "" for lists of tags */
    /* the answer, which does not change any more when somebody sees it */
    int r;
    struct shale_err e;
    uint64_t size;     /* of ASK_STAT */
    struct strv names; /* of ASK_TAGS, sorted */
    struct buf body;   /* of ASK_REFERRERS */
};
/* In a work thread, instead of an answer: f runs when the question has been answered, with rq->ask
 * set; or the request is answered (503, 404 that is remembered) when it cannot be asked. */
void ask_begin(struct rq *rq, struct upstream *up, enum ask_kind kind, const char *ref,
               void (*f)(struct http_req *q));
void ask_put(struct pull *p, struct ask *k); /* accepts NULL */
extern const char ask_letters[_ASK_MAX];     /* for struct missing */

/* asks.c calls these in its threads; each returns 0 or -code. ask_manifest.c: */
int ask_manifest(struct ask *k, struct source *src, struct shale_err *e);

/* ---- fetches ---- */
/* In a work thread: the request is answered with the blob (or a part of it) as it arrives. */
void fetch_blob(struct rq *rq, struct upstream *up, const struct digest *d);
/* The size of a blob that is on its way; 0: it is not, or not known. */
uint64_t fetch_size(struct pull *p, const char *repo, const struct digest *d);
void fetch_put(struct pull *p, struct fetch *f); /* accepts NULL */

/* ---- cached.c: requests for repositories that are a cache ---- */
/* NULL: it is one of our own. */
struct upstream *rq_upstream(const struct rq *rq);
/* A request of a client of a mirror (?ns=HOST) is one for the repository that stands for it. false:
 * answered. */
bool cached_mirror(struct rq *rq);
void cached_manifest_get(struct rq *rq, struct upstream *up);
void cached_blob_get(struct rq *rq, struct upstream *up, const struct digest *d);
void cached_tags(struct rq *rq, struct upstream *up);
void cached_referrers(struct rq *rq, struct upstream *up);
/* The answer to what an upstream did not give. `unknown`: where it says that there is none. */
void cached_refuse(struct rq *rq, struct upstream *up, int r, const struct shale_err *e,
                   enum reg_code unknown, const char *detail);
/* Drops what nobody has asked for lately, where the config says so. */
void cached_sweep(struct registry *r);

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs of other registries on their way here. One transfer for all who want the same: they read
 * the file while it grows. The last byte is let out when the digest of all has been found right, so
 * that nobody ever holds a wrong blob that looks whole; after a failure their connections are cut.
 *
 * The bytes lie in ingest/ under their digest (blob.h): what a crash or a shutdown leaves goes on
 * from there.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "registry/upstream/behind.h"
#include "registry/upstream/pull.h"
#include "registry/state/state_priv.h"

/* What an answer reads at a time, and holds: the first few much, so that many stay small. */
#define FLOW_BYTES      (256u << 10)
#define FLOW_MANY       32
#define FLOW_MANY_BYTES (64u << 10)

#define INDEX_PARENTS 16 /* images that are looked at again when one of their layers has come */

struct flow { /* an answer that reads along */
    struct flow *next;
    struct fetch *f;
    struct http_req *q;
    uint64_t first;
};

struct fetch {
    struct fetch *chain;
    struct work work;
    struct pull *p;
    struct live *live; /* whose the upstream is */
    struct upstream *up;
    unsigned refs; /* guarded by pull's mutex: the thread's, requests, flows */
    char *repo;
    struct digest d;
    struct blob_writer *w;    /* of the thread that fetches */
    struct behind *behind;    /* its: who has w meanwhile, or NULL */
    uint64_t come;            /* its: bytes so far, also of an earlier try */
    pthread_mutex_t mutex;    /* guards what follows, but for atomics */
    struct rq *parked;        /* until it flows or is over */
    struct flow *waiting;     /* for more bytes */
    bool flowing;             /* size and fd are there, and do not change any more */
    bool over;                /* r and e are there */
    uint64_t size;            /* 0: not known */
    int fd;                   /* to read along */
    _Atomic uint64_t visible; /* how many bytes may be sent */
    atomic_bool failed;
    int r;
    struct shale_err e;
};

/* ---- life ---- */

static struct fetch **bucket_of(struct pull *p, const char *repo, const struct digest *d)
{
    return &p->fetches[(state_hash(repo) ^ state_hash(d->s)) >> 32 & (PULL_BUCKETS - 1)];
}

void fetch_put(struct pull *p, struct fetch *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&p->mutex);
    bool last = --f->refs == 0;
    pthread_mutex_unlock(&p->mutex);
    if (!last)
        return;
    if (f->fd >= 0)
        close(f->fd);
    live_put(f->live);
    pthread_mutex_destroy(&f->mutex);
    free(f->repo);
    free(f);
}

static void run_fetch(struct work *w);

static struct fetch *new_fetch(struct rq *rq, struct upstream *up, const struct digest *d)
{
    struct fetch *f = mem_alloc(sizeof *f);
    char *repo = mem_strdup(rq->route.name);

    if (!f || !repo) {
        free(f);
        free(repo);
        return NULL;
    }
    f->repo = repo;
    f->p = rq->r->pull;
    f->up = up;
    f->live = live_ref(rq->live);
    f->d = *d;
    f->fd = -1;
    f->work.run = run_fetch;
    pthread_mutex_init(&f->mutex, NULL);
    return f;
}

/* The mutex of pull is held. */
static struct fetch *find(struct pull *p, const char *repo, const struct digest *d)
{
    struct fetch *f = *bucket_of(p, repo, d);

    while (f && !(digest_eq(&f->d, d) && streq(f->repo, repo)))
        f = f->chain;
    return f;
}

uint64_t fetch_size(struct pull *p, const char *repo, const struct digest *d)
{
    uint64_t size = 0;

    pthread_mutex_lock(&p->mutex);
    struct fetch *f = find(p, repo, d);
    if (f) {
        pthread_mutex_lock(&f->mutex);
        size = f->flowing ? f->size : 0;
        pthread_mutex_unlock(&f->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
    return size;
}

/* ---- those who wait ---- */

static void blob_fetched(struct http_req *q);

static void wake(struct fetch *f)
{
    pthread_mutex_lock(&f->mutex);
    struct rq *rq = f->flowing || f->over ? f->parked : NULL;
    struct flow *flow = f->waiting;
    if (rq)
        f->parked = NULL;
    f->waiting = NULL;
    pthread_mutex_unlock(&f->mutex);
    for (struct rq *next; rq; rq = next) {
        next = rq->next_waiting; /* afterwards it may be gone */
        http_unpark(rq->q, blob_fetched);
    }
    for (struct flow *next; flow; flow = next) {
        next = flow->next;
        http_wake(flow->q);
    }
}

/* All but the last byte, as long as nobody knows whether they are right. */
static void publish(struct fetch *f, uint64_t have, bool right)
{
    uint64_t most = right ? f->size : f->size ? f->size - 1 : 0;

    atomic_store_explicit(&f->visible, have < most ? have : most, memory_order_release);
    wake(f);
}

static ssize_t flow_read(void *arg, uint64_t pos, char *p, size_t n)
{
    struct flow *x = arg;
    struct fetch *f = x->f;
    uint64_t at = x->first + pos, visible = atomic_load_explicit(&f->visible, memory_order_acquire);
    size_t got;

    if (at >= visible) {
        pthread_mutex_lock(&f->mutex);
        visible = atomic_load_explicit(&f->visible, memory_order_acquire);
        bool failed = atomic_load(&f->failed);
        if (at >= visible && !failed) {
            x->next = f->waiting;
            f->waiting = x;
            http_wait(x->q);
        }
        pthread_mutex_unlock(&f->mutex);
        if (at >= visible)
            return failed ? HTTP_READ_FAIL : HTTP_READ_WAIT;
    }
    if (n > visible - at)
        n = (size_t)(visible - at);
    if (sys_pread_full(f->fd, p, n, at, &got) < 0 || got == 0)
        return HTTP_READ_FAIL;
    return (ssize_t)got;
}

static void flow_release(void *arg)
{
    struct flow *x = arg;
    struct pull *p = x->f->p;

    pthread_mutex_lock(&p->mutex);
    p->n_flows--;
    pthread_mutex_unlock(&p->mutex);
    fetch_put(p, x->f);
    free(x);
}

/* The blob flows: the answer reads along. rq has a reference. */
static void send_flow(struct rq *rq, struct fetch *f)
{
    struct blob_part part;

    if (!reg_blob_part(rq, &f->d, f->size, &part))
        return;
    struct flow *x = mem_alloc(sizeof *x);
    if (!x) {
        reg_answer_blob(rq, &f->d, f->size, &part, NULL);
        return;
    }
    *x = (struct flow){.f = f, .q = rq->q, .first = part.first};
    pthread_mutex_lock(&f->p->mutex);
    f->refs++;
    bool many = ++f->p->n_flows > FLOW_MANY;
    pthread_mutex_unlock(&f->p->mutex);
    reg_answer_blob(rq, &f->d, f->size, &part,
                    http_response_stream(part.n, many ? FLOW_MANY_BYTES : FLOW_BYTES, flow_read,
                                         flow_release, x));
}

static void blob_fetched(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    struct fetch *f = rq->fetch;
    uint64_t size = 0;

    pthread_mutex_lock(&f->mutex);
    bool over = f->over, flowing = f->flowing;
    pthread_mutex_unlock(&f->mutex);
    if (over && f->r < 0) {
        cached_refuse(rq, f->up, f->r, &f->e, REG_BLOB_UNKNOWN, f->d.s);
        return;
    }
    int r = over ? state_blob(rq->r->state, f->repo, &f->d, &size, &rq->e) : 0;
    if (r < 0)
        reg_fail(rq);
    else if (r > 0)
        reg_send_blob(rq, &f->d, size);
    else if (flowing)
        send_flow(rq, f);
    else
        reg_error(rq, REG_BLOB_UNKNOWN, f->d.s); /* removed meanwhile */
}

void fetch_blob(struct rq *rq, struct upstream *up, const struct digest *d)
{
    struct pull *p = rq->r->pull;
    bool fresh = false, flowing = false;

    metrics_count(rq->r->metrics, METRICS_UPSTREAM_MISSES, 1);
    pthread_mutex_lock(&p->mutex);
    struct fetch *f = find(p, rq->route.name, d);
    if (!f && p->n_fetches < PULL_MAX)
        fresh = (f = new_fetch(rq, up, d)) != NULL;
    if (!f) {
        pthread_mutex_unlock(&p->mutex);
        reg_error(rq, REG_UNAVAILABLE, "too many blobs are on their way");
        return;
    }
    if (fresh) {
        struct fetch **bucket = bucket_of(p, f->repo, d);
        f->refs = 1; /* of the thread that fetches */
        f->chain = *bucket;
        *bucket = f;
        p->n_fetches++;
    }
    f->refs++;
    rq->fetch = f;
    pthread_mutex_lock(&f->mutex);
    flowing = f->flowing;
    if (!flowing) { /* it is not over: it is still in the table */
        http_park(rq->q);
        rq->next_waiting = f->parked;
        f->parked = rq;
    }
    pthread_mutex_unlock(&f->mutex);
    pthread_mutex_unlock(&p->mutex);
    if (fresh)
        workq_push(p->fetch_q, &f->work);
    else if (flowing)
        send_flow(rq, f);
}

/* ---- the transfer ---- */

static int on_size(void *arg, const struct descriptor *d, uint64_t size, struct shale_err *e)
{
    struct fetch *f = arg;
    uint64_t most = f->live->conf->limits.upload_bytes;

    if (f->size && size != f->size)
        return err_set(e, SHALE_CORRUPT, "blob %s had %" PRIu64 " bytes before, and now %" PRIu64,
                       d->digest.s, f->size, size);
    if (most && size > most)
        return err_set(e, SHALE_LIMIT, "a blob has at most %" PRIu64 " bytes here", most);
    if (!f->flowing)
        f->size = size;
    return 0;
}

static void on_written(void *arg, uint64_t offset)
{
    struct fetch *f = arg;

    if (f->flowing)
        publish(f, offset, false);
}

/* All that has come is written. */
static int settle(struct fetch *f, struct shale_err *e)
{
    int r;

    f->behind = behind_end(f->behind, &r, e);
    return r;
}

static int on_start(void *arg, uint64_t offset, struct shale_err *e)
{
    struct fetch *f = arg;
    int r = settle(f, e);

    if (r >= 0 && offset != blob_writer_offset(f->w))
        r = blob_writer_rewind(f->w, e);
    f->come = offset;
    if (r < 0 || f->size == 0) /* without a size they wait for the whole of it */
        return r < 0 ? r : behind_begin(f->w, &f->behind, e);
    if (!f->flowing)
        f->fd = blob_writer_reader(f->w, e);
    if (f->fd < 0)
        return f->fd;
    pthread_mutex_lock(&f->mutex);
    f->flowing = true;
    pthread_mutex_unlock(&f->mutex);
    publish(f, offset, false);
    return behind_begin(f->w, &f->behind, e);
}

static int on_data(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct fetch *f = arg;
    uint64_t most = f->live->conf->limits.upload_bytes;

    if (!upstream_conf(f->up)->finish) {
        pthread_mutex_lock(&f->p->mutex);
        bool alone = f->refs == 1; /* ours */
        pthread_mutex_unlock(&f->p->mutex);
        if (alone)
            return err_set(e, SHALE_CANCELED, "nobody waits for %s any more", f->d.s);
    }
    f->come += n;
    if (most && f->come > most)
        return err_set(e, SHALE_LIMIT, "a blob has at most %" PRIu64 " bytes here", most);
    metrics_count(f->p->r->metrics, METRICS_UPSTREAM_BYTES, n);
    return behind_put(f->behind, p, n, e);
}

/* The bytes are in blobs/. The lease keeps collectors off until the row is there. */
static int link_blob(struct fetch *f, uint64_t size, struct shale_err *e)
{
    struct digest parents[INDEX_PARENTS];
    struct registry *reg = f->p->r;
    int r = state_blob_put(reg->state, f->repo, &f->d, size, 0, e);

    /* What was indexed before it was here. */
    int n = r < 0 ? 0 : state_parents(reg->state, f->repo, &f->d, parents, INDEX_PARENTS, NULL);
    for (int i = 0; i < n; i++)
        indexer_push(reg->indexer, &parents[i]);
    return r;
}

/* The bytes came here in another way: does the repository over there have them? */
static int link_here(struct fetch *f, struct source *src, struct shale_err *e)
{
    uint64_t size = 0;
    int r = remote_source_stat(src, &f->d, &size, &f->p->cancel, e);

    if (r >= 0)
        r = state_lease(f->p->r->state, &f->d, e);
    if (r >= 0)
        r = blob_has(f->p->r->blobs, &f->d, &size, e);
    if (r == 0)
        r = err_set(e, SHALE_CONFLICT, "%s was removed meanwhile", f->d.s);
    return r < 0 ? r : link_blob(f, size, e);
}

static int keep(struct fetch *f, struct shale_err *e)
{
    uint64_t size = blob_writer_offset(f->w);
    int r = blob_writer_check(f->w, e);

    if (r >= 0 && f->flowing && size != f->size) { /* answers have been promised that many */
        blob_writer_discard(f->w);
        r = err_set(e, SHALE_CORRUPT, "blob %s was told to have %" PRIu64 " bytes and has %" PRIu64,
                    f->d.s, f->size, size);
    }
    if (r < 0)
        return r;
    if (f->flowing)
        publish(f, size, true); /* they need not wait for the disk */
    r = state_lease(f->p->r->state, &f->d, e);
    if (r >= 0)
        r = blob_writer_commit(f->w, e);
    return r < 0 ? r : link_blob(f, size, e);
}

static int transfer(struct fetch *f, struct source *src, struct shale_err *e)
{
    struct descriptor d = {.digest = f->d};
    struct shale_err why = SHALE_ERR_INIT;
    int r = blob_begin(f->p->r->blobs, &f->d, 0, NULL, NULL, &f->p->cancel, &f->w, e);

    if (r != 0)
        return r < 0 ? r : link_here(f, src, e);
    blob_writer_tell(f->w, on_written, f);
    src->on_size = on_size;
    src->size_arg = f;
    r = src->ops->blob(src, &d, blob_writer_offset(f->w), on_start, on_data, f, &f->p->cancel, e);
    int k = settle(f, &why); /* also what a transfer brought that has broken off */
    if (k < 0) {
        *e = why;
        r = k;
    }
    if (r >= 0)
        r = keep(f, e);
    if (r < 0 && blob_writer_offset(f->w) == 0)
        blob_writer_discard(f->w);
    f->w = blob_writer_close(f->w);
    return r;
}

static int fetch(struct fetch *f, struct shale_err *e)
{
    struct metrics *m = f->p->r->metrics;
    struct source *src = NULL;
    int r = cancel_check(&f->p->cancel, e);

    if (r >= 0)
        r = upstream_try(f->up, true, e);
    if (r < 0)
        return r;
    metrics_count(m, METRICS_UPSTREAM_REQUESTS, 1);
    r = upstream_source(f->up, f->repo, true, &src, e);
    if (r < 0)
        return r;
    r = transfer(f, src, e);
    src->ops->close(src);
    if (r < 0 && r != -SHALE_NOT_FOUND)
        metrics_count(m, METRICS_UPSTREAM_FAILURES, 1);
    upstream_tell(f->up, true, r, e);
    return r;
}

static void run_fetch(struct work *w)
{
    struct fetch *f = (struct fetch *)((char *)w - offsetof(struct fetch, work));
    struct pull *p = f->p;
    struct shale_err e = SHALE_ERR_INIT;
    int r = fetch(f, &e);

    if (r == -SHALE_NOT_FOUND)
        missing_add(p->missing, ask_letters[ASK_STAT], f->repo, f->d.s,
                    upstream_conf(f->up)->negative_ttl_ns);
    pthread_mutex_lock(&p->mutex);
    struct fetch **at = bucket_of(p, f->repo, &f->d);
    while (*at != f)
        at = &(*at)->chain;
    *at = f->chain;
    p->n_fetches--;
    pthread_mutex_unlock(&p->mutex);
    pthread_mutex_lock(&f->mutex);
    f->over = true;
    f->r = r;
    f->e = e;
    if (r < 0)
        atomic_store(&f->failed, true);
    pthread_mutex_unlock(&f->mutex);
    wake(f);
    fetch_put(p, f);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to other registries, each asked once for all who want to know. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/limits.h"
#include "registry/upstream/pull.h"
#include "registry/state/state_priv.h"

#define ASK_ARENA          (64u << 20)
#define MAX_REFERRER_BYTES (32u << 20)

const char ask_letters[_ASK_MAX] = {
    [ASK_MANIFEST] = 'm', [ASK_STAT] = 'b', [ASK_TAGS] = 't', [ASK_REFERRERS] = 'r'};

/* ---- what is asked ---- */

static int ask_stat(struct ask *k, struct source *src, struct shale_err *e)
{
    struct digest d;
    int r = digest_parse(k->ref, &d, e);

    return r < 0 ? r : remote_source_stat(src, &d, &k->size, &k->p->cancel, e);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int ask_tags(struct ask *k, struct source *src, struct shale_err *e)
{
    int r = src->ops->tags(src, &k->a, &k->names, &k->p->cancel, e);

    if (r >= 0 && k->names.n > 1)
        qsort(k->names.v, k->names.n, sizeof *k->names.v, by_bytes);
    return r;
}

static int ask_referrers(struct ask *k, struct source *src, struct shale_err *e)
{
    struct digest d;
    int r = digest_parse(k->ref, &d, e);

    return r < 0 ? r : remote_source_referrers(src, &d, &k->body, &k->p->cancel, e);
}

static int (*const questions[_ASK_MAX])(struct ask *k, struct source *src, struct shale_err *e) = {
    [ASK_MANIFEST] = ask_manifest,
    [ASK_STAT] = ask_stat,
    [ASK_TAGS] = ask_tags,
    [ASK_REFERRERS] = ask_referrers,
};

/* ---- life ---- */

static struct ask **bucket_of(struct pull *p, enum ask_kind kind, const char *repo, const char *ref)
{
    uint64_t h = state_hash(repo) ^ state_hash(ref) * 31 ^ (uint64_t)kind;

    return &p->asks[(h ^ h >> 32) & (PULL_BUCKETS - 1)];
}

void ask_put(struct pull *p, struct ask *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&p->mutex);
    bool last = --k->refs == 0;
    pthread_mutex_unlock(&p->mutex);
    if (!last)
        return;
    buf_clear(&k->body);
    live_put(k->live);
    arena_clear(&k->a);
    free(k);
}

static int put_question(struct ask *k)
{
    struct source *src = NULL;
    int r = cancel_check(&k->p->cancel, &k->e);

    if (r >= 0)
        r = upstream_try(k->up, false, &k->e);
    if (r < 0)
        return r;
    metrics_count(k->p->r->metrics, METRICS_UPSTREAM_REQUESTS, 1);
    r = upstream_source(k->up, k->repo, false, &src, &k->e);
    if (r < 0)
        return r;
    r = questions[k->kind](k, src, &k->e);
    src->ops->close(src);
    if (r < 0 && r != -SHALE_NOT_FOUND)
        metrics_count(k->p->r->metrics, METRICS_UPSTREAM_FAILURES, 1);
    upstream_tell(k->up, false, r, &k->e);
    return r;
}

static void run_ask(struct work *w)
{
    struct ask *k = (struct ask *)((char *)w - offsetof(struct ask, work));
    struct pull *p = k->p;

    k->r = put_question(k);
    if (k->r == -SHALE_NOT_FOUND)
        missing_add(p->missing, ask_letters[k->kind], k->repo, k->ref,
                    upstream_conf(k->up)->negative_ttl_ns);
    pthread_mutex_lock(&p->mutex);
    struct ask **at = bucket_of(p, k->kind, k->repo, k->ref);
    while (*at != k)
        at = &(*at)->chain;
    *at = k->chain;
    p->n_asks--;
    struct rq *rq = k->waiting;
    k->waiting = NULL;
    pthread_mutex_unlock(&p->mutex);
    for (struct rq *next; rq; rq = next) {
        next = rq->next_waiting; /* afterwards it may be gone */
        http_unpark(rq->q, rq->then);
    }
    ask_put(p, k);
}

static struct ask *new_ask(struct rq *rq, struct upstream *up, enum ask_kind kind, const char *ref)
{
    struct ask *k = mem_alloc(sizeof *k);

    if (!k)
        return NULL;
    arena_init(&k->a, ASK_ARENA);
    buf_init(&k->body, MAX_REFERRER_BYTES);
    k->p = rq->r->pull;
    k->up = up;
    k->kind = kind;
    k->repo = arena_strdup(&k->a, rq->route.name);
    k->ref = arena_strdup(&k->a, ref);
    k->work.run = run_ask;
    if (!k->repo || !k->ref) {
        arena_clear(&k->a);
        free(k);
        return NULL;
    }
    k->live = live_ref(rq->live);
    return k;
}

/* One that is asked already, or a new one. The mutex is held. NULL: no memory, or too many. */
static struct ask *join(struct rq *rq, struct upstream *up, enum ask_kind kind, const char *ref,
                        bool *ret_new)
{
    struct pull *p = rq->r->pull;
    struct ask **bucket = bucket_of(p, kind, rq->route.name, ref), *k = *bucket;

    while (k && !(k->kind == kind && streq(k->repo, rq->route.name) && streq(k->ref, ref)))
        k = k->chain;
    *ret_new = !k;
    if (k || p->n_asks >= PULL_MAX)
        return k;
    k = new_ask(rq, up, kind, ref);
    if (k) {
        k->refs = 1; /* of the thread that asks */
        k->chain = *bucket;
        *bucket = k;
        p->n_asks++;
    }
    return k;
}

void ask_begin(struct rq *rq, struct upstream *up, enum ask_kind kind, const char *ref,
               void (*f)(struct http_req *q))
{
    struct pull *p = rq->r->pull;
    bool fresh;

    metrics_count(rq->r->metrics, METRICS_UPSTREAM_MISSES, 1);
    ask_put(p, rq->ask);
    rq->ask = NULL;
    pthread_mutex_lock(&p->mutex);
    struct ask *k = join(rq, up, kind, ref, &fresh);
    if (!k) {
        pthread_mutex_unlock(&p->mutex);
        reg_error(rq, REG_UNAVAILABLE, "too much is asked of the registry behind this one");
        return;
    }
    k->refs++;
    rq->ask = k;
    rq->then = f;
    http_park(rq->q);
    rq->next_waiting = k->waiting;
    k->waiting = rq;
    pthread_mutex_unlock(&p->mutex); /* from here on rq is not ours, unless the question is new */
    if (fresh)
        workq_push(p->ask_q, &k->work);
}

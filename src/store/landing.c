/* SPDX-License-Identifier: Apache-2.0 */
#include "store/landing.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/store_priv.h"

struct landing {
    struct store *store;
    void (*on_done)(void *arg, const struct descriptor *d);
    void *arg;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t came, went;
    struct landed queue[LANDING_MAX];
    size_t n_queued;
    uint64_t n_added, n_over; /* of all, in order */
    bool closing;
    int result;
    struct shale_err err;
};

/* ---- the thread ---- */

static int record(struct store *s, const struct landed *v, struct shale_err *e)
{
    struct meta_blob row = {
        .digest = v->d.digest, .size_bytes = v->d.size_bytes, .media_type = v->d.media_type};
    int r = meta_blob_put(s->meta, &row, e);

    if (r < 0 || !v->layer)
        return r;
    r = store_record_layer(s, &v->d.digest, v->d.size_bytes, &v->in, e);
    return r < 0 ? r : meta_pull_delete(s->meta, &v->d.digest, e);
}

static int record_all(struct store *s, const struct landed *v, size_t n, struct shale_err *e)
{
    int r = meta_begin(s->meta, e);

    if (r < 0)
        return r;
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = record(s, &v[i], e);
    return meta_end(s->meta, r, e);
}

/* A folder of that name without a row that vouches for it is a leftover: it may be damaged. */
static int publish(struct store *s, const struct landed *v, struct shale_err *e)
{
    int r = store_layer_trusted(s, &v->in.diff_id, e);

    return r < 0 ? r : layer_in_publish(v->layer, r == 0, e);
}

static int land(struct store *s, const struct landed *v, size_t n, struct shale_err *e)
{
    struct blob_writer *blobs[LANDING_MAX];
    int r;

    for (size_t i = 0; i < n; i++)
        blobs[i] = v[i].blob;
    r = blob_writers_commit(blobs, n, e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = v[i].layer && !v[i].in.later ? publish(s, &v[i], e) : 0;
    return r < 0 ? r : record_all(s, v, n, e);
}

static void drop(const struct landed *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        layer_in_close(v[i].layer);
        blob_writer_close(v[i].blob);
    }
}

/* Takes all that waits, after the n_before of the last time; 0: there is nothing, and nothing will
 * come. */
static size_t take(struct landing *l, size_t n_before, struct landed v[LANDING_MAX],
                   bool *ret_failed)
{
    pthread_mutex_lock(&l->mutex);
    l->n_over += n_before;
    pthread_cond_broadcast(&l->went);
    while (l->n_queued == 0 && !l->closing)
        pthread_cond_wait(&l->came, &l->mutex);
    size_t n = l->n_queued;
    for (size_t i = 0; i < n; i++)
        v[i] = l->queue[i];
    l->n_queued = 0;
    *ret_failed = l->result < 0;
    pthread_cond_broadcast(&l->went);
    pthread_mutex_unlock(&l->mutex);
    return n;
}

static void *work(void *arg)
{
    struct landing *l = arg;
    struct landed v[LANDING_MAX];
    bool failed;
    size_t n = 0;

    while ((n = take(l, n, v, &failed)) > 0) {
        struct shale_err e = SHALE_ERR_INIT;
        int r = failed ? 0 : land(l->store, v, n, &e);
        drop(v, n);
        if (r < 0) {
            pthread_mutex_lock(&l->mutex);
            l->result = r;
            l->err = e;
            pthread_mutex_unlock(&l->mutex);
        }
        for (size_t i = 0; !failed && r >= 0 && i < n; i++)
            if (v[i].layer)
                l->on_done(l->arg, &v[i].d);
    }
    return NULL;
}

/* ---- the others ---- */

int landing_open(struct store *s, void (*on_done)(void *arg, const struct descriptor *d), void *arg,
                 struct landing **ret, struct shale_err *e)
{
    struct landing *l = mem_alloc(sizeof *l);

    if (!l)
        return err_nomem(e);
    l->store = s;
    l->on_done = on_done;
    l->arg = arg;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->came, NULL);
    pthread_cond_init(&l->went, NULL);
    if (pthread_create(&l->thread, NULL, work, l) != 0) {
        free(l);
        return err_set(e, SHALE_NO_MEMORY, "cannot start a thread");
    }
    *ret = l;
    return 0;
}

static int result_of(const struct landing *l, struct shale_err *e)
{
    if (l->result < 0 && e)
        *e = l->err;
    return l->result;
}

int landing_add(struct landing *l, const struct landed *v, struct shale_err *e)
{
    pthread_mutex_lock(&l->mutex);
    while (l->n_queued == LANDING_MAX && l->result >= 0)
        pthread_cond_wait(&l->went, &l->mutex);
    int r = result_of(l, e);
    if (r >= 0) {
        l->queue[l->n_queued++] = *v;
        l->n_added++;
        pthread_cond_signal(&l->came);
    }
    pthread_mutex_unlock(&l->mutex);
    return r;
}

int landing_drain(struct landing *l, struct shale_err *e)
{
    if (!l)
        return 0;
    pthread_mutex_lock(&l->mutex);
    /* not for what others add meanwhile */
    for (uint64_t mine = l->n_added; l->n_over < mine;)
        pthread_cond_wait(&l->went, &l->mutex);
    int r = result_of(l, e);
    pthread_mutex_unlock(&l->mutex);
    return r;
}

struct landing *landing_close(struct landing *l)
{
    if (!l)
        return NULL;
    pthread_mutex_lock(&l->mutex);
    l->closing = true;
    pthread_cond_signal(&l->came);
    pthread_mutex_unlock(&l->mutex);
    pthread_join(l->thread, NULL);
    pthread_mutex_destroy(&l->mutex);
    pthread_cond_destroy(&l->came);
    pthread_cond_destroy(&l->went);
    free(l);
    return NULL;
}

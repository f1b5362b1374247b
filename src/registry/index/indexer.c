/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/index/indexer.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/cleanup.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "meta/stmt.h"
#include "registry/index/index_write.h"

#define QUEUE     4096 /* manifests; when it is full all are compared */
#define MISSING   256  /* manifests at a time */
#define SWEEP_NS  (3600 * NS_PER_S)
#define RETRY_S   10  /* after an error of the disk or the database */
#define BUSY_MS   500 /* until the next try to get the lock */
#define NICE      10
#define LOCK_FILE "index.lock"

struct indexer {
    struct index *x;
    struct blobs *blobs;
    int root_fd;
    struct indexer_opts o;
    struct index_result n;
    struct cancel *cancel; /* of index_update */

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct digest queue[QUEUE];
    size_t head, n_queue;
    bool all; /* compare everything */
    bool stop;
    bool busy; /* it is at it, or has to try again */
    bool warned;
    atomic_uint_fast64_t layers_waiting;
    int64_t swept;
};

/* ---- work ---- */

static int stopped(struct indexer *w, struct shale_err *e)
{
    pthread_mutex_lock(&w->mutex);
    bool stop = w->stop;
    pthread_mutex_unlock(&w->mutex);
    return stop ? err_set(e, SHALE_CANCELED, "canceled") : cancel_check(w->cancel, e);
}

static bool take(struct indexer *w, struct digest *ret)
{
    pthread_mutex_lock(&w->mutex);
    bool got = w->n_queue > 0;
    if (got) {
        *ret = w->queue[w->head];
        w->head = (w->head + 1) % QUEUE;
        w->n_queue--;
    }
    pthread_mutex_unlock(&w->mutex);
    return got;
}

static int put_queued(struct indexer *w, struct shale_err *e)
{
    struct digest d;
    int r = 0;

    while (r >= 0 && take(w, &d)) {
        r = index_put_manifest(index_writer(w->x), w->blobs, &d, e);
        w->n.n_manifests++;
    }
    return r;
}

static int put_missing(struct indexer *w, struct shale_err *e)
{
    _cleanup_free_ struct digest *v = mem_alloc(MISSING * sizeof *v);
    struct digest last = {""};
    size_t n = 1;
    int r = 0;

    if (!v)
        return err_nomem(e);
    while (r >= 0 && n > 0) {
        r = index_missing(index_writer(w->x), v, MISSING, &n, e);
        /* Something that cannot be put must not keep us here for ever. */
        if (r >= 0 && n > 0 && digest_eq(&v[0], &last))
            break;
        last = v[0];
        for (size_t i = 0; r >= 0 && i < n; i++) {
            r = index_put_manifest(index_writer(w->x), w->blobs, &v[i], e);
            w->n.n_manifests++;
        }
        if (r >= 0)
            r = stopped(w, e);
    }
    return r;
}

/* While a layer is read: what is pushed meanwhile can be found by its names and facts at once. */
static int poll_work(void *arg, struct shale_err *e)
{
    struct indexer *w = arg;
    int r = stopped(w, e);

    return r < 0 ? r : put_queued(w, e);
}

static void count_layers(struct indexer *w)
{
    int64_t n = 0;

    if (stmt_number(index_writer(w->x), "SELECT count(*) FROM layers WHERE done = 0", 0, &n, NULL,
                    "") >= 0)
        w->layers_waiting = w->o.contents ? (uint64_t)n : 0;
}

static int read_layers(struct indexer *w, struct shale_err *e)
{
    struct index_layer_job j = {
        .limits = {w->o.max_files, w->o.memory_bytes},
        .max_bytes = w->o.max_bytes,
        .poll = poll_work,
        .arg = w,
    };
    int r = 0;

    count_layers(w);
    while (w->o.contents && r >= 0) {
        r = index_next_layer(index_writer(w->x), &j.layer, &j.digest, e);
        if (r <= 0)
            break;
        r = index_read_layer(index_writer(w->x), w->blobs, &j, e);
        w->n.n_layers += r >= 0;
        w->n.n_files += j.n_files;
        count_layers(w);
        if (r >= 0)
            r = poll_work(w, e);
    }
    return r;
}

static int sweep(struct indexer *w, struct shale_err *e)
{
    int r;

    while ((r = index_sweep(index_writer(w->x), e)) > 0) {
        r = poll_work(w, e);
        if (r < 0)
            return r;
    }
    if (r >= 0)
        w->swept = time_mono_ns();
    return r;
}

/* With the lock. */
static int work(struct indexer *w, bool all, struct shale_err *e)
{
    int r = put_queued(w, e);

    if (r >= 0 && all)
        r = put_missing(w, e);
    if (r >= 0 && (!w->swept || time_mono_ns() - w->swept > SWEEP_NS))
        r = sweep(w, e);
    return r < 0 ? r : read_layers(w, e);
}

/* ---- the thread ---- */

static void warn(struct indexer *w, const struct shale_err *e)
{
    if (!w->warned)
        log_warn("index of the registry: %s", e->msg);
    w->warned = true;
}

/* What much work has left in the caches is of no use to the little that comes next. */
static void give_back(struct indexer *w)
{
    (void)sqlite3_db_release_memory(index_writer(w->x)->db);
    (void)malloc_trim(0);
}

/* How long to wait before the next try, in ms; 0: until there is work. */
static int64_t once(struct indexer *w, bool *all)
{
    struct shale_err e = SHALE_ERR_INIT;
    _cleanup_close_ int lock = lock_try(w->root_fd, LOCK_FILE, LOCK_EXCLUSIVE, &e);

    if (lock == -SHALE_IN_USE)
        return BUSY_MS;
    uint64_t n_layers = w->n.n_layers;
    int r = lock < 0 ? lock : work(w, *all, &e);
    if (*all || w->n.n_layers > n_layers)
        give_back(w);
    if (r == -SHALE_CANCELED)
        return 0;
    if (r < 0) {
        warn(w, &e);
        *all = true;
        return RETRY_S * 1000;
    }
    *all = false;
    w->warned = false;
    return 0;
}

static void wait_ms(struct indexer *w, int64_t ms)
{
    struct timespec end;

    clock_gettime(CLOCK_REALTIME, &end);
    int64_t ns = end.tv_nsec + ms * NS_PER_MS;
    end.tv_sec += ns / NS_PER_S;
    end.tv_nsec = ns % NS_PER_S;
    pthread_cond_timedwait(&w->cond, &w->mutex, &end);
}

static void *indexer_main(void *arg)
{
    struct indexer *w = arg;
    bool all = false;

    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
    pthread_mutex_lock(&w->mutex);
    while (!w->stop) {
        all |= w->all;
        w->all = false;
        w->busy = true;
        pthread_mutex_unlock(&w->mutex);
        int64_t ms = once(w, &all);
        pthread_mutex_lock(&w->mutex);
        if (w->stop)
            break;
        w->busy = ms > 0;
        if (ms > 0)
            wait_ms(w, ms);
        else if (!w->n_queue && !w->all)
            wait_ms(w, SWEEP_NS / NS_PER_MS);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

void indexer_push(struct indexer *w, const struct digest *d)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->mutex);
    if (w->n_queue < QUEUE)
        w->queue[(w->head + w->n_queue++) % QUEUE] = *d;
    else
        w->all = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
}

uint64_t indexer_waiting(struct indexer *w)
{
    if (!w)
        return 0;
    pthread_mutex_lock(&w->mutex);
    uint64_t n = w->n_queue + w->layers_waiting;
    n += n == 0 && (w->all || w->busy); /* it does not know how much it is, yet */
    pthread_mutex_unlock(&w->mutex);
    return n;
}

/* ---- open and close ---- */

static int set_cache(struct indexer *w, struct shale_err *e)
{
    char sql[64];

    snprintf(sql, sizeof sql, "PRAGMA main.cache_size = -%" PRIu64, w->o.memory_bytes / 4 / 1024);
    int rc = sqlite3_exec(index_writer(w->x)->db, sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(index_writer(w->x)->db, "PRAGMA wal_autocheckpoint = 2000", NULL, NULL,
                          NULL);
    return rc == SQLITE_OK ? 0 : meta_sql_error(index_writer(w->x), rc, e);
}

static int new_indexer(struct index *x, struct blobs *blobs, int root_fd,
                       const struct indexer_opts *o, struct indexer **ret, struct shale_err *e)
{
    struct indexer *w = mem_alloc(sizeof *w);

    if (!w)
        return err_nomem(e);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->cond, NULL);
    w->x = x;
    w->blobs = blobs;
    w->root_fd = root_fd;
    w->o = *o;
    w->all = true;
    *ret = w;
    return set_cache(w, e);
}

static void free_indexer(struct indexer *w)
{
    pthread_mutex_destroy(&w->mutex);
    pthread_cond_destroy(&w->cond);
    free(w);
}

int indexer_start(struct index *x, struct blobs *blobs, int root_fd, const struct indexer_opts *o,
                  struct indexer **ret, struct shale_err *e)
{
    struct indexer *w = NULL;
    int r = new_indexer(x, blobs, root_fd, o, &w, e);
    int rc = r < 0 ? 0 : pthread_create(&w->thread, NULL, indexer_main, w);

    if (rc)
        r = err_set(e, SHALE_SYSTEM, "cannot start a thread: %s", strerror(rc));
    if (r >= 0)
        *ret = w;
    else if (w)
        free_indexer(w);
    return r;
}

struct indexer *indexer_stop(struct indexer *w)
{
    if (!w)
        return NULL;
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    free_indexer(w);
    return NULL;
}

static int update(struct indexer *w, bool rebuild, struct shale_err *e)
{
    struct meta *m = index_writer(w->x);
    int64_t failed = 0;
    /* A server that is at it finishes first: it gives the lock up when it has nothing to do. */
    _cleanup_close_ int lock = lock_take(w->root_fd, LOCK_FILE, LOCK_EXCLUSIVE, w->cancel, e);
    int r = lock < 0 ? lock : rebuild ? index_empty(m, e) : 0;

    if (r >= 0)
        r = work(w, true, e);
    if (r >= 0)
        r = stmt_number(m, "SELECT count(*) FROM layers WHERE done = 2", 0, &failed, e, "");
    w->n.n_failed = (uint64_t)failed;
    return r;
}

int index_update(struct index *x, struct blobs *blobs, int root_fd, const struct indexer_opts *o,
                 bool rebuild, struct cancel *cancel, struct index_result *ret, struct shale_err *e)
{
    struct indexer *w = NULL;
    int r = new_indexer(x, blobs, root_fd, o, &w, e);

    if (r >= 0) {
        w->cancel = cancel;
        r = update(w, rebuild, e);
        *ret = w->n;
    }
    if (w)
        free_indexer(w);
    return r < 0 ? r : 0;
}

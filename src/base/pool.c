/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define MAX_THREADS 64
#define WATCH_NS    (20 * 1000 * 1000) /* how long a set outer token may go unseen */

struct batch {
    pool_fn f;
    void *arg;
    size_t n_jobs, next;
    pthread_mutex_t mutex; /* guards next, result, err, done */
    pthread_cond_t over;   /* wakes the watcher */
    bool done;
    int result;
    struct shale_err err;
    struct cancel stop, *outer;
};

static bool next_job(struct batch *b, size_t *ret)
{
    pthread_mutex_lock(&b->mutex);
    if (cancel_is_set(b->outer))
        cancel_set(&b->stop);
    bool go = b->next < b->n_jobs && !cancel_is_set(&b->stop);
    if (go)
        *ret = b->next++;
    pthread_mutex_unlock(&b->mutex);
    return go;
}

static void note_failure(struct batch *b, int r, const struct shale_err *e)
{
    pthread_mutex_lock(&b->mutex);
    /* Those that stop because another failed say "canceled": the first reason is the news. */
    if (b->result >= 0) {
        b->result = r;
        b->err = *e;
    }
    cancel_set(&b->stop);
    pthread_mutex_unlock(&b->mutex);
}

static void *work(void *arg)
{
    struct batch *b = arg;
    size_t i;

    while (next_job(b, &i)) {
        struct shale_err e = SHALE_ERR_INIT;
        int r = b->f(b->arg, i, b->outer && cancel_is_set(b->outer) ? b->outer : &b->stop, &e);
        if (r < 0)
            note_failure(b, r, &e);
    }
    return NULL;
}

/* The jobs watch one token; this thread passes the outer one on while it waits. */
static void *watch(void *arg)
{
    struct batch *b = arg;

    pthread_mutex_lock(&b->mutex);
    while (!b->done && !cancel_is_set(&b->stop)) {
        struct timespec until;

        if (cancel_is_set(b->outer))
            cancel_set(&b->stop);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WATCH_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&b->over, &b->mutex, &until);
    }
    pthread_mutex_unlock(&b->mutex);
    return NULL;
}

int pool_run(pool_fn f, void *arg, size_t n_jobs, size_t n_threads, struct cancel *c,
             struct shale_err *e)
{
    struct batch b = {.f = f,
                      .arg = arg,
                      .n_jobs = n_jobs,
                      .outer = c,
                      .mutex = PTHREAD_MUTEX_INITIALIZER,
                      .over = PTHREAD_COND_INITIALIZER};
    pthread_t threads[MAX_THREADS], watcher;
    size_t n = 0;

    if (n_jobs == 1)
        return cancel_is_set(c) ? err_set(e, SHALE_CANCELED, "canceled") : f(arg, 0, c, e);
    if (n_threads > n_jobs)
        n_threads = n_jobs;
    if (n_threads > MAX_THREADS)
        n_threads = MAX_THREADS;
    bool watched = c && n_jobs && pthread_create(&watcher, NULL, watch, &b) == 0;
    while (n + 1 < n_threads && pthread_create(&threads[n], NULL, work, &b) == 0)
        n++;
    work(&b);
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    bool canceled = cancel_is_set(c);
    pthread_mutex_lock(&b.mutex);
    b.done = true;
    pthread_cond_signal(&b.over);
    pthread_mutex_unlock(&b.mutex);
    if (watched)
        pthread_join(watcher, NULL);
    pthread_cond_destroy(&b.over);
    pthread_mutex_destroy(&b.mutex);
    if (b.result < 0) {
        if (e)
            *e = b.err;
        return b.result;
    }
    return canceled && b.next < n_jobs ? err_set(e, SHALE_CANCELED, "canceled") : 0;
}

size_t pool_n_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (size_t)n : 1;
}

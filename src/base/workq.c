/* SPDX-License-Identifier: Apache-2.0 */
#include "base/workq.h"

#include <stdbool.h>

#include "base/mem.h"
#include "base/thread.h"

#define STACK_BYTES (512u << 10)

struct workq {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct work *head, **tail;
    size_t n_busy; /* threads that run an item */
    bool stop;
    size_t n_threads;
    pthread_t threads[];
};

static void *thread_main(void *arg)
{
    struct workq *q = arg;

    pthread_mutex_lock(&q->mutex);
    for (;;) {
        while (!q->head && !(q->stop && q->n_busy == 0))
            pthread_cond_wait(&q->cond, &q->mutex);
        if (!q->head)
            break;
        struct work *w = q->head;
        q->head = w->next;
        if (!q->head)
            q->tail = &q->head;
        q->n_busy++;
        pthread_mutex_unlock(&q->mutex);
        w->run(w);
        pthread_mutex_lock(&q->mutex);
        q->n_busy--;
        if (q->stop && q->n_busy == 0)
            pthread_cond_broadcast(&q->cond);
    }
    pthread_mutex_unlock(&q->mutex);
    return NULL;
}

int workq_new(size_t n_threads, struct workq **ret, struct shale_err *e)
{
    struct workq *q = mem_alloc(sizeof *q + n_threads * sizeof q->threads[0]);
    int r = 0;

    if (!q)
        return err_nomem(e);
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->cond, NULL);
    q->tail = &q->head;
    for (; r >= 0 && q->n_threads < n_threads; q->n_threads += r >= 0)
        r = thread_start(&q->threads[q->n_threads], STACK_BYTES, thread_main, q, e);
    if (r < 0) {
        workq_free(q);
        return r;
    }
    *ret = q;
    return 0;
}

void workq_push(struct workq *q, struct work *w)
{
    w->next = NULL;
    pthread_mutex_lock(&q->mutex);
    *q->tail = w;
    q->tail = &w->next;
    pthread_cond_signal(&q->cond);
    pthread_mutex_unlock(&q->mutex);
}

struct workq *workq_free(struct workq *q)
{
    if (!q)
        return NULL;
    pthread_mutex_lock(&q->mutex);
    q->stop = true;
    pthread_cond_broadcast(&q->cond);
    pthread_mutex_unlock(&q->mutex);
    for (size_t i = 0; i < q->n_threads; i++)
        pthread_join(q->threads[i], NULL);
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->cond);
    free(q);
    return NULL;
}

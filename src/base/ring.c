/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ring.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

struct ring {
    pthread_mutex_t mutex;
    pthread_cond_t filled, freed;
    size_t n_blocks, block_bytes;
    size_t head, n_filled; /* oldest filled block, and how many */
    bool finished, stopped;
    char *memory;
    size_t sizes[];
};

int ring_new(size_t n_blocks, size_t block_bytes, struct ring **ret, struct shale_err *e)
{
    struct ring *r = mem_alloc(sizeof *r + n_blocks * sizeof r->sizes[0]);
    if (!r)
        return err_nomem(e);
    r->memory = mem_array(n_blocks, block_bytes);
    if (!r->memory) {
        free(r);
        return err_nomem(e);
    }
    r->n_blocks = n_blocks;
    r->block_bytes = block_bytes;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->filled, NULL);
    pthread_cond_init(&r->freed, NULL);
    *ret = r;
    return 0;
}

void ring_free(struct ring *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->mutex);
    pthread_cond_destroy(&r->filled);
    pthread_cond_destroy(&r->freed);
    free(r->memory);
    free(r);
}

size_t ring_block_bytes(const struct ring *r)
{
    return r->block_bytes;
}

void *ring_reserve(struct ring *r)
{
    void *p = NULL;

    pthread_mutex_lock(&r->mutex);
    while (r->n_filled == r->n_blocks && !r->stopped)
        pthread_cond_wait(&r->freed, &r->mutex);
    if (!r->stopped)
        p = r->memory + (r->head + r->n_filled) % r->n_blocks * r->block_bytes;
    pthread_mutex_unlock(&r->mutex);
    return p;
}

void ring_publish(struct ring *r, size_t n)
{
    pthread_mutex_lock(&r->mutex);
    r->sizes[(r->head + r->n_filled) % r->n_blocks] = n;
    r->n_filled++;
    pthread_cond_signal(&r->filled);
    pthread_mutex_unlock(&r->mutex);
}

void ring_finish(struct ring *r)
{
    pthread_mutex_lock(&r->mutex);
    r->finished = true;
    pthread_cond_signal(&r->filled);
    pthread_mutex_unlock(&r->mutex);
}

const void *ring_peek(struct ring *r, size_t *ret_n)
{
    const void *p = NULL;

    pthread_mutex_lock(&r->mutex);
    while (r->n_filled == 0 && !r->finished && !r->stopped)
        pthread_cond_wait(&r->filled, &r->mutex);
    if (r->n_filled > 0 && !r->stopped) {
        p = r->memory + r->head * r->block_bytes;
        *ret_n = r->sizes[r->head];
    }
    pthread_mutex_unlock(&r->mutex);
    return p;
}

void ring_release(struct ring *r)
{
    pthread_mutex_lock(&r->mutex);
    r->head = (r->head + 1) % r->n_blocks;
    r->n_filled--;
    pthread_cond_signal(&r->freed);
    pthread_mutex_unlock(&r->mutex);
}

void ring_stop(struct ring *r)
{
    pthread_mutex_lock(&r->mutex);
    r->stopped = true;
    pthread_cond_broadcast(&r->filled);
    pthread_cond_broadcast(&r->freed);
    pthread_mutex_unlock(&r->mutex);
}

bool ring_stopped(struct ring *r)
{
    pthread_mutex_lock(&r->mutex);
    bool s = r->stopped;
    pthread_mutex_unlock(&r->mutex);
    return s;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upstream/behind.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/ring.h"
#include "base/thread.h"
#include "base/time.h"
#include "blob/blob.h"

/* libcurl hands over 16 KiB at a time. So many bytes are gathered, then written at once; less when
 * so much time has gone by, or less time when less comes: there is no more now. */
#define BLOCK_BYTES (256u << 10)
#define N_BLOCKS    2
#define PIECE_BYTES (16u << 10)
#define PAUSE_NS    (20 * NS_PER_MS)
#define DRY_NS      NS_PER_MS

struct behind {
    struct blob_writer *w;
    struct ring *ring;
    pthread_t thread;
    char *block;  /* that is being filled; NULL: none */
    size_t n;     /* bytes in it */
    int64_t last; /* when the one before went to the thread */
    /* of the thread, until it has ended */
    int r;
    struct shale_err e;
};

static void *behind_main(void *arg)
{
    struct behind *b = arg;
    const void *p;
    size_t n;

    while (b->r >= 0 && (p = ring_peek(b->ring, &n))) {
        b->r = blob_writer_write(b->w, p, n, &b->e);
        ring_release(b->ring);
    }
    if (b->r < 0)
        ring_stop(b->ring);
    return NULL;
}

int behind_begin(struct blob_writer *w, struct behind **ret, struct shale_err *e)
{
    struct behind *b = mem_alloc(sizeof *b);

    if (!b)
        return err_nomem(e);
    b->w = w;
    int r = ring_new(N_BLOCKS, BLOCK_BYTES, &b->ring, e);
    if (r >= 0)
        r = thread_start(&b->thread, 0, behind_main, b, e);
    if (r < 0) {
        ring_free(b->ring);
        free(b);
        return r;
    }
    *ret = b;
    return 0;
}

static void hand_over(struct behind *b, int64_t now)
{
    if (b->block && b->n > 0) {
        ring_publish(b->ring, b->n);
        b->block = NULL;
        b->n = 0;
    }
    b->last = now;
}

int behind_put(struct behind *b, const void *p, size_t n, struct shale_err *e)
{
    int64_t pause = n < PIECE_BYTES ? DRY_NS : PAUSE_NS;

    while (n > 0) {
        if (!b->block && !(b->block = ring_reserve(b->ring))) {
            if (e)
                *e = b->e; /* it stops the ring after that */
            return b->r;
        }
        size_t room = BLOCK_BYTES - b->n, k = n < room ? n : room;
        memcpy(b->block + b->n, p, k);
        b->n += k;
        p = (const char *)p + k;
        n -= k;
        int64_t now = time_mono_ns();
        if (b->n == BLOCK_BYTES || now - b->last >= pause)
            hand_over(b, now);
    }
    return 0;
}

struct behind *behind_end(struct behind *b, int *r, struct shale_err *e)
{
    *r = 0;
    if (!b)
        return NULL;
    hand_over(b, 0);
    ring_finish(b->ring);
    pthread_join(b->thread, NULL);
    *r = b->r;
    if (b->r < 0 && e)
        *e = b->e;
    ring_free(b->ring);
    free(b);
    return NULL;
}

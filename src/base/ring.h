/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A ring of fixed blocks between one producer thread and one consumer thread: bounded memory,
 * backpressure, no copying (the producer fills blocks in place).
 *
 *   producer: while ((p = ring_reserve(r)))  { fill; ring_publish(r, n); }   ring_finish(r);
 *   consumer: while ((p = ring_peek(r, &n))) { use;  ring_release(r);    }
 *
 * ring_stop from either side makes both return NULL (error on one side). ring_peek returns NULL
 * when finished and drained, or stopped; ring_stopped tells which.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct ring;

int ring_new(size_t n_blocks, size_t block_bytes, struct ring **ret, struct shale_err *e);
void ring_free(struct ring *r);
size_t ring_block_bytes(const struct ring *r);
void *ring_reserve(struct ring *r);          /* waits for a free block */
void ring_publish(struct ring *r, size_t n); /* n bytes of the reserved block are filled */
void ring_finish(struct ring *r);
const void *ring_peek(struct ring *r, size_t *ret_n); /* waits for a filled block */
void ring_release(struct ring *r);
void ring_stop(struct ring *r);
bool ring_stopped(struct ring *r);

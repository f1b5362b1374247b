/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A queue of short texts in one file, that survives the end of the process: first in, first out.
 *
 *   equeue_open(dirfd, "ci", 10000, &q, e);
 *   equeue_put(q, now, text, n, &dropped, e);        // the oldest goes when it is full
 *   while (equeue_peek(q, &buf, &when, &place, e) == 1) { … deliver … equeue_pop(q, place, e); }
 *
 * The file is a head line with the place of the oldest text, then a line for each: the time and the
 * text. It is appended to; what was popped is given back when the queue is empty, or when it is
 * more than half of the file. After a crash, the last line may be torn (it is cut off), and texts
 * that were popped last may come again: delivery is "at least once". What is put is in the page
 * cache: a killed process loses nothing, a power failure what came after the last equeue_sync.
 *
 * Not thread-safe. Errors: SYSTEM, NO_SPACE …; CORRUPT for a file that is not a queue (it is left
 * alone).
 */
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define EQUEUE_MAX_TEXT       (16u << 10)
#define EQUEUE_MAX_FILE_BYTES (4ull << 30)

struct equeue;

int equeue_open(int dirfd, const char *name, uint64_t max, struct equeue **ret,
                struct shale_err *e); /* name: as check_name of the config has it; dirfd is kept */
struct equeue *equeue_close(struct equeue *q); /* NULL in, NULL out */
uint64_t equeue_count(const struct equeue *q);
/* `text` without newlines. *ret_dropped: how many of the oldest went. */
int equeue_put(struct equeue *q, int64_t time_ns, const char *text, size_t n, uint64_t *ret_dropped,
               struct shale_err *e);
/* 1: the oldest is in b (emptied before); 0: there is none. */
int equeue_peek(struct equeue *q, struct buf *b, int64_t *ret_time_ns, uint64_t *ret_place,
                struct shale_err *e);
/* Removes the oldest, if it is still the one at `place`. */
int equeue_pop(struct equeue *q, uint64_t place, struct shale_err *e);
int equeue_sync(struct equeue *q, struct shale_err *e);

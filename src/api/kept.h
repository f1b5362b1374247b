/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lists as they were answered last, for clients that ask again and again: while the store is as it
 * was (shale_state), what runs still does (shale_ps_is_true) and a list says the same of the time,
 * its bytes are sent again, and nothing is read.
 *
 *   r = shale_state(q->s, &at, e);                  // first: what changes from here on shows later
 *   k = kept_get(q->d->kept, key, &at, now);        // NULL: none, or no longer true
 *   if (k) { …k->body…; kept_unref(k); }
 *   else   { …; k = kept_put(q->d->kept, key, &at, &body, list, now); …; kept_unref(k); }
 *
 * Bounded by KEPT_ANSWERS, KEPT_WATCHED and KEPT_MAX_BYTES; gone when it becomes quiet (kept_drop).
 * Any thread.
 */
#include <shale/container.h>
#include <shale/shale.h>
#include <stdatomic.h>

#include "base/buf.h"

#define KEPT_ANSWERS   6
#define KEPT_WATCHED   2 /* … of what runs: each holds a descriptor or two for every container */
#define KEPT_KEY_BYTES 64
#define KEPT_MAX_BYTES (8u << 20) /* of one; larger lists are made anew each time */

struct kept_answer {
    atomic_uint refs;
    char key[KEPT_KEY_BYTES]; /* what was asked */
    struct shale_state at;
    struct buf body;
    struct shale_container_list *containers; /* whose age is told; NULL */
    struct buf statuses;                     /* … and how */
};

struct kept;
struct kept *kept_new(void);            /* NULL: no memory */
struct kept *kept_free(struct kept *k); /* accepts NULL, returns NULL */
struct kept_answer *kept_get(struct kept *k, const char *key, const struct shale_state *at,
                             int64_t now_ns);
/* Takes body and list (may be NULL), and keeps them where there is a key, they are small enough and
 * the list is `lasting`. NULL: no memory; they have gone then. */
struct kept_answer *kept_put(struct kept *k, const char *key, const struct shale_state *at,
                             struct buf *body, struct shale_container_list *containers,
                             int64_t now_ns);
void kept_unref(struct kept_answer *a); /* accepts NULL */
void kept_drop(struct kept *k);

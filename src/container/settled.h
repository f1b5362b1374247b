/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Containers whose rows can be believed as they stand: they do not run, nobody removes them when
 * they end, and nothing of a start that was killed is left mounted. All others have to be looked at
 * (ctr_refresh), one by one, unless their process is seen to be there. For those who look at many:
 *
 *   struct settled s;
 *   r = settled_begin(&s, a, e);
 *   r = meta_container_each(m, NULL, f, …);   // f: settled_is(&s, row), or settled_put_off(&s,
 * row->id, at, e) for (i = 0; i < s.n; i++) r = settled_look(h, &s.v[i], a, &c, e);   // when the
 * query is over: rows may change
 *
 * Not thread-safe. Memory is the arena's.
 */
#include "container/ctr.h"

struct settled_other { /* one that is to be looked at */
    char id[META_CONTAINER_ID_HEX + 1];
    size_t at; /* the caller's */
};

struct settled {
    struct arena *a;
    bool sees_mounts;
    char (*mounted)[META_CONTAINER_ID_HEX + 1]; /* sorted: something is mounted in their folders */
    size_t n_mounted, cap_mounted;
    struct settled_other *v;
    size_t n, cap;
};

/* Where mounts cannot be seen no container is settled. */
int settled_begin(struct settled *s, struct arena *a, struct shale_err *e);
bool settled_is(const struct settled *s, const struct meta_container *row);
int settled_put_off(struct settled *s, const char *id, size_t at, struct shale_err *e);
/* Reads it and brings it up to date. 1: it is there, 0: it is not, or no more. */
int settled_look(struct container_host *h, const struct settled_other *x, struct arena *a,
                 struct ctr *ret, struct shale_err *e);

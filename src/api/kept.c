/* SPDX-License-Identifier: Apache-2.0 */
#include "api/kept.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "view/api_containers.h"

#define STATUSES_MAX (1u << 20)

struct kept {
    pthread_mutex_t mutex;
    struct kept_answer *v[KEPT_ANSWERS]; /* the one that was made last comes first */
};

struct kept *kept_new(void)
{
    struct kept *k = mem_alloc(sizeof *k);

    if (k)
        pthread_mutex_init(&k->mutex, NULL);
    return k;
}

struct kept *kept_free(struct kept *k)
{
    if (!k)
        return NULL;
    kept_drop(k);
    pthread_mutex_destroy(&k->mutex);
    free(k);
    return NULL;
}

void kept_unref(struct kept_answer *a)
{
    if (!a || atomic_fetch_sub(&a->refs, 1) > 1)
        return;
    shale_free(a->containers);
    buf_clear(&a->body);
    buf_clear(&a->statuses);
    free(a);
}

void kept_drop(struct kept *k)
{
    struct kept_answer *v[KEPT_ANSWERS];

    pthread_mutex_lock(&k->mutex);
    memcpy(v, k->v, sizeof v);
    memset(k->v, 0, sizeof k->v);
    pthread_mutex_unlock(&k->mutex);
    for (size_t i = 0; i < KEPT_ANSWERS; i++)
        kept_unref(v[i]);
}

static bool is_true(const struct kept_answer *a, int64_t now_ns)
{
    _cleanup_(buf_clear) struct buf now = BUF_INIT(STATUSES_MAX);

    if (!a->containers)
        return true;
    if (!shale_ps_is_true(a->containers))
        return false;
    view_api_statuses(a->containers->items, a->containers->n_items, now_ns, &now);
    return !now.failed && now.n == a->statuses.n &&
           (now.n == 0 || memcmp(now.p, a->statuses.p, now.n) == 0);
}

struct kept_answer *kept_get(struct kept *k, const char *key, const struct shale_state *at,
                             int64_t now_ns)
{
    struct kept_answer *a = NULL;

    pthread_mutex_lock(&k->mutex);
    for (size_t i = 0; !a && i < KEPT_ANSWERS; i++)
        if (k->v[i] && streq(k->v[i]->key, key) && shale_state_eq(&k->v[i]->at, at))
            a = k->v[i];
    if (a)
        atomic_fetch_add(&a->refs, 1);
    pthread_mutex_unlock(&k->mutex);
    if (a && is_true(a, now_ns))
        return a;
    kept_unref(a);
    return NULL;
}

static bool is_watched(const struct kept_answer *a)
{
    return a->containers && a->containers->watch;
}

/* Takes out the oldest of those that hold descriptors, when they are too many with the new one that
 * comes in front, at 0. */
static struct kept_answer *take_watched(struct kept *k, const struct kept_answer *front)
{
    struct kept_answer *a;
    size_t n = is_watched(front), at;

    for (at = 1; at < KEPT_ANSWERS && k->v[at]; at++) {
        n += is_watched(k->v[at]);
        if (n > KEPT_WATCHED)
            break;
    }
    if (n <= KEPT_WATCHED)
        return NULL;
    a = k->v[at];
    memmove(k->v + at, k->v + at + 1, (KEPT_ANSWERS - at - 1) * sizeof *k->v);
    k->v[KEPT_ANSWERS - 1] = NULL;
    return a;
}

/* In front, in the place of what was asked in the same way, or of the oldest. */
static void keep(struct kept *k, struct kept_answer *a)
{
    size_t at = 0;

    atomic_fetch_add(&a->refs, 1);
    pthread_mutex_lock(&k->mutex);
    while (at + 1 < KEPT_ANSWERS && k->v[at] && !streq(k->v[at]->key, a->key))
        at++;
    struct kept_answer *old = k->v[at];
    memmove(k->v + 1, k->v, at * sizeof *k->v);
    struct kept_answer *watched = take_watched(k, a);
    k->v[0] = a;
    pthread_mutex_unlock(&k->mutex);
    kept_unref(old);
    kept_unref(watched);
}

struct kept_answer *kept_put(struct kept *k, const char *key, const struct shale_state *at,
                             struct buf *body, struct shale_container_list *containers,
                             int64_t now_ns)
{
    struct kept_answer *a = mem_alloc(sizeof *a);

    if (!a) {
        shale_free(containers);
        return NULL;
    }
    atomic_init(&a->refs, 1);
    a->at = *at;
    a->body = *body;
    *body = (struct buf){.max = body->max};
    a->containers = containers;
    buf_init(&a->statuses, STATUSES_MAX);
    if (containers)
        view_api_statuses(containers->items, containers->n_items, now_ns, &a->statuses);
    int n = snprintf(a->key, sizeof a->key, "%s", key ? key : "");
    if (n > 0 && n < (int)sizeof a->key && !a->body.failed && a->body.n <= KEPT_MAX_BYTES &&
        !a->statuses.failed && (!containers || containers->lasting)) {
        keep(k, a);
    } else { /* nobody will ask whether it is true */
        shale_free(a->containers);
        a->containers = NULL;
    }
    return a;
}

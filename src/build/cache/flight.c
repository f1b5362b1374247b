/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that are being made, and those that were made by this command: each once, whatever number
 * of stages and platforms asks for it. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "build/cache/cache_remote.h"

struct flight {
    struct flight *next;      /* in its slot */
    struct flight *next_held; /* of the same stage */
    struct stage *by;         /* who makes it; NULL: it is there */
    char key[65];
    struct cached made;
};

static struct flight **find(struct crew *c, const char *key)
{
    unsigned char slot = (unsigned char)(key[0] * 16 + key[1]); /* hex digits */
    struct flight **p = &c->flights[slot % CREW_FLIGHTS];

    while (*p && !streq((*p)->key, key))
        p = &(*p)->next;
    return p;
}

static void no_more_held(struct flight *f)
{
    struct flight **p = &f->by->held;

    while (*p != f)
        p = &(*p)->next_held;
    *p = f->next_held;
    f->by = NULL;
}

static int begin(struct crew *c, struct stage *s, const char *key, struct shale_err *e)
{
    struct flight **slot = find(c, key), *f = mem_alloc(sizeof *f);

    if (!f)
        return err_nomem(e);
    *f = (struct flight){.by = s, .next_held = s->held};
    memcpy(f->key, key, sizeof f->key);
    *slot = f; /* the last of its slot */
    s->held = f;
    return 0;
}

static void drop(struct crew *c, const char *key)
{
    struct flight **p = find(c, key), *f = *p;

    if (!f)
        return;
    no_more_held(f);
    *p = f->next;
    free(f);
    pthread_cond_broadcast(&c->changed);
}

static bool is_of_another(struct crew *c, const char *key, const struct stage *s)
{
    const struct flight *f = *find(c, key);

    return f && f->by && f->by != s;
}

/* Who makes it does so in another seat and waits for nobody who waits here: a stage waits for a
 * digest of contents only when it holds the key of a chain or of nothing. */
static int await(struct crew *c, const char *key, const struct stage *s, struct shale_err *e)
{
    c->n_seated--;
    pthread_cond_broadcast(&c->changed);
    while (!c->stopped && (is_of_another(c, key, s) || c->n_seated >= c->n_seats))
        pthread_cond_wait(&c->changed, &c->mutex);
    c->n_seated++;
    return c->stopped ? err_set(e, SHALE_CANCELED, "canceled") : 0;
}

/* 1: somebody has made it. 0: it is this stage's now. */
static int take(struct crew *c, struct stage *s, const char *key, struct cached *ret,
                struct shale_err *e)
{
    const struct flight *f;
    int r = 0;

    while (r >= 0 && is_of_another(c, key, s))
        r = await(c, key, s, e);
    if (r < 0)
        return r;
    f = *find(c, key);
    if (!f) /* who has failed at it has let go of it */
        return c->stopped ? err_set(e, SHALE_CANCELED, "canceled") : begin(c, s, key, e);
    if (!f->by)
        *ret = f->made;
    return !f->by;
}

int record_ask(struct build *b, struct stage *s, const char *key, struct cached *ret,
               struct shale_err *e)
{
    struct crew *c = b->crew;
    int r = s->no_cache ? 0 : record_get(b, key, &s->arena, ret, e);

    if (r != 0)
        return r;
    pthread_mutex_lock(&c->mutex);
    r = take(c, s, key, ret, e);
    pthread_mutex_unlock(&c->mutex);
    if (r <= 0)
        return r;
    r = cache_remote_used(b, key, ret, e);
    return r < 0 ? r : 1;
}

void record_made(struct build *b, const char *key, const struct cached *made)
{
    struct crew *c = b->crew;

    pthread_mutex_lock(&c->mutex);
    struct flight *f = *find(c, key);
    if (f && f->by) {
        f->made = *made;
        no_more_held(f);
        pthread_cond_broadcast(&c->changed);
    }
    pthread_mutex_unlock(&c->mutex);
}

void flights_let_go(struct crew *c, struct stage *s)
{
    while (s->held)
        drop(c, s->held->key);
}

void record_let_go(struct build *b, struct stage *s)
{
    if (!s->held)
        return;
    pthread_mutex_lock(&b->crew->mutex);
    flights_let_go(b->crew, s);
    pthread_mutex_unlock(&b->crew->mutex);
}

static void clear(struct crew *c, bool all)
{
    for (size_t i = 0; i < CREW_FLIGHTS; i++)
        for (struct flight **p = &c->flights[i]; *p;) {
            struct flight *f = *p;
            if (!all && !f->made.remote) {
                p = &f->next;
                continue;
            }
            *p = f->next;
            free(f);
        }
}

void flights_forget_remote(struct crew *c)
{
    clear(c, false);
}

void flights_clear(struct crew *c)
{
    clear(c, true);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that other caches have: promised when a record is found, fetched when their files are
 * needed, several at once. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "build/cache/cache_remote_priv.h"

#define PARALLEL 4

/* Nobody else asks for this key: the record is believed by who names this cache only. */
static int holder_of(const struct cache_record *x, char ret[65], struct shale_err *e)
{
    char text[64 + DIGEST_MAX + 32], hex[HASH_MAX_HEX + 1] = "";
    int n = snprintf(text, sizeof text, "of another cache\n%s\n%s\n", x->key, x->diff_id.s);
    int r = hash_bytes(HASH_SHA256, text, (size_t)n, hex, e);

    memcpy(ret, hex, 64);
    ret[64] = 0;
    return r;
}

/* ---- promises ---- */

static struct cache_promise *find(const struct cache_remote *x, const struct digest *diff_id)
{
    struct cache_promise *p = x->promises;

    while (p && !digest_eq(&p->of->diff_id, diff_id))
        p = p->next;
    return p;
}

int cache_remote_promise(struct build *b, const struct cache_record *v,
                         struct meta_image_layer *ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 16);
    struct cache_remote *x = b->remote;
    struct cached held;
    char holder[65];
    int r = holder_of(v, holder, e);

    if (r >= 0)
        r = record_get_own(b, holder, &a, &held, e);
    if (r == 1)
        *ret = held.layer;
    if (r != 0)
        return r < 0 ? r : 0;
    pthread_mutex_lock(&x->mutex);
    struct cache_promise *p = find(x, &v->diff_id);
    if (!p && (p = arena_alloc(&x->own, sizeof *p))) {
        *p = (struct cache_promise){.of = v, .next = x->promises};
        x->promises = p;
    }
    if (p)
        *ret = (struct meta_image_layer){v->diff_id, p->of->layer->digest};
    pthread_mutex_unlock(&x->mutex);
    return p ? 0 : err_nomem(e);
}

const struct cache_record *cache_remote_promised(struct cache_remote *x,
                                                 const struct digest *diff_id)
{
    pthread_mutex_lock(&x->mutex);
    const struct cache_promise *p = find(x, diff_id);
    const struct cache_record *v = p && p->state != PROMISE_KEPT ? p->of : NULL;
    pthread_mutex_unlock(&x->mutex);
    return v;
}

bool cache_remote_lost(struct cache_remote *x, uint32_t from)
{
    pthread_mutex_lock(&x->mutex);
    bool lost = x->lost[from];
    pthread_mutex_unlock(&x->mutex);
    return lost;
}

bool cache_remote_again(struct build *b)
{
    struct cache_remote *x = b->remote;

    if (!x || !x->again || cancel_is_set(x->cancel))
        return false;
    x->again = false;
    x->n_notes = x->n_final = 0;
    for (struct cache_promise **p = &x->promises; *p;)
        if (x->lost[(*p)->of->from])
            *p = (*p)->next;
        else
            p = &(*p)->next;
    return true;
}

/* ---- fetching ---- */

struct wanted {
    struct build *b;
    struct cache_promise **v; /* this thread's */
    size_t n;
};

static int sink_of(struct cache_remote *x, struct store *s, struct sink **ret, struct shale_err *e)
{
    const struct store_sink_opts o = {
        .lease = x->lease, .origin = "build cache", .all_blobs = true};
    int r = 0;

    pthread_mutex_lock(&x->mutex);
    if (!x->sink)
        r = store_sink_open(s, &o, &x->sink, e);
    *ret = x->sink;
    pthread_mutex_unlock(&x->mutex);
    return r;
}

/* And a row that holds it, which the build's own lease has, too. */
static int fetch(struct build *b, const struct cache_record *v, struct cancel *c,
                 struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 16);
    struct cached made = {.layer = {v->diff_id, v->layer->digest}, .created_ns = v->created_ns};
    struct cache_remote *x = b->remote;
    struct sink *sink = NULL;
    char holder[65];
    int r = sink_of(x, b->store, &sink, e);

    if (made.created_ns == TIME_NONE)
        made.created_ns = time_now_ns();
    if (r >= 0)
        r = sink->ops->blob(sink, v->layer, &v->diff_id, x->sources[v->from], c, e);
    if (r >= 0)
        r = sink->ops->settle(sink, e);
    if (r >= 0)
        r = holder_of(v, holder, e);
    if (r >= 0)
        r = record_put_own(b, holder, "layer of another cache", &made, e);
    if (r >= 0)
        r = record_get_own(b, holder, &a, &made, e);
    return r == 0 ? err_set(e, SHALE_NOT_FOUND, "layer %s has gone again", v->diff_id.s) : r;
}

/* Nothing of that place is believed any more; stages that have believed it begin anew. */
static int lose(struct build *b, const struct cache_record *v, int r, const struct shale_err *why,
                struct shale_err *e)
{
    struct cache_remote *x = b->remote;

    if (r == -SHALE_CANCELED || r == -SHALE_NO_SPACE || r == -SHALE_NO_MEMORY)
        return err_set(e, why->code, "%s", why->msg);
    pthread_mutex_lock(&x->mutex);
    bool told = x->lost[v->from];
    x->lost[v->from] = x->again = true;
    pthread_mutex_unlock(&x->mutex);
    if (!told)
        cache_remote_not_used(b, &x->from.v[v->from], why);
    return err_set(e, SHALE_CANCELED, "the cache %.200s is not used", x->from.v[v->from].where);
}

static int fetch_one(void *arg, size_t i, struct cancel *c, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct wanted *w = arg;
    struct cache_promise *p = w->v[i];
    int r = fetch(w->b, p->of, c, &why);

    if (r < 0)
        return lose(w->b, p->of, r, &why, e);
    pthread_mutex_lock(&w->b->remote->mutex);
    p->state = PROMISE_KEPT;
    pthread_cond_broadcast(&w->b->remote->kept);
    pthread_mutex_unlock(&w->b->remote->mutex);
    return 0;
}

/* Those of the layers that nobody fetches yet. Under the mutex. */
static void claim(struct cache_remote *x, const struct meta_image_layer *layers, size_t n,
                  struct wanted *w)
{
    for (size_t i = 0; i < n; i++) {
        struct cache_promise *p = find(x, &layers[i].diff_id);
        if (!p || p->state != PROMISE_GIVEN)
            continue;
        p->state = PROMISE_BEING_KEPT;
        w->v[w->n++] = p;
    }
}

/* Others are on their way, by other threads: until they are there, or have failed. */
static bool all_kept(struct cache_remote *x, const struct meta_image_layer *layers, size_t n)
{
    bool all = true;

    for (size_t i = 0; i < n; i++) {
        struct cache_promise *p = find(x, &layers[i].diff_id);
        while (p && p->state == PROMISE_BEING_KEPT)
            pthread_cond_wait(&x->kept, &x->mutex);
        all &= !p || p->state == PROMISE_KEPT;
    }
    return all;
}

int cache_remote_need(struct build *b, const struct meta_image_layer *layers, size_t n,
                      struct shale_err *e)
{
    struct cache_remote *x = b->remote;
    struct wanted w = {.b = b};
    int r = 0;

    if (!x || n == 0)
        return 0;
    _cleanup_free_ struct cache_promise **v = mem_array(n, sizeof(struct cache_promise *));
    if (!v)
        return err_nomem(e);
    w.v = v;
    pthread_mutex_lock(&x->mutex);
    claim(x, layers, n, &w);
    pthread_mutex_unlock(&x->mutex);
    if (w.n)
        r = pool_run(fetch_one, &w, w.n, PARALLEL, b->cancel, e);
    pthread_mutex_lock(&x->mutex);
    for (size_t i = 0; i < w.n; i++)
        if (w.v[i]->state == PROMISE_BEING_KEPT)
            w.v[i]->state = PROMISE_GIVEN;
    pthread_cond_broadcast(&x->kept);
    bool all = r < 0 || all_kept(x, layers, n);
    pthread_mutex_unlock(&x->mutex);
    return all ? r : err_set(e, SHALE_CANCELED, "canceled");
}

int cache_remote_need_result(struct build *b, struct shale_err *e)
{
    const struct state *s = &b->target->state;
    struct shale_err why = SHALE_ERR_INIT;
    struct told t;
    size_t n = 0;

    for (size_t i = 0; b->remote && i < s->n_layers; i++)
        n += cache_remote_promised(b->remote, &s->layers[i].diff_id) != NULL;
    if (n == 0)
        return 0;
    told_begin(b, &t, "fetching layers of the cache");
    int r = cache_remote_need(b, s->layers, s->n_layers, &why);
    if (r < 0) {
        told_failed(&t, &why);
        return err_set(e, why.code, "%s", why.msg);
    }
    told_end(&t, SHALE_BUILD_DONE);
    return 0;
}

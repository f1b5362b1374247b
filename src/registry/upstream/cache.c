/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upstream/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

#define BUCKETS        8192 /* power of two */
#define ENTRY_OVERHEAD 1024 /* two responses with their headers, and the entry */
#define MAX_PART       8    /* no entry takes more than this part of the cache */

struct cache_entry {
    struct cache_entry *chain;       /* in its bucket */
    struct cache_entry *prev, *next; /* the ring of all */
    atomic_uint refs;
    atomic_bool used; /* since the hand came by */
    struct http_response *full, *not_modified;
    uint64_t generation, hash;
    int64_t until; /* monotonic */
    size_t bytes, path_n;
    const char *etag, *repo; /* in text */
    char text[];             /* path, repository, etag */
};

struct cache {
    pthread_mutex_t mutex;
    struct cache_entry *buckets[BUCKETS];
    struct cache_entry *hand; /* in the ring; NULL: empty */
    size_t bytes, max_bytes;
};

static uint64_t hash_of(const char *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325ull;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 0x100000001b3ull;
    return h ^ h >> 32;
}

int cache_new(size_t max_bytes, struct cache **ret, struct shale_err *e)
{
    struct cache *c = mem_alloc(sizeof *c);

    if (!c)
        return err_nomem(e);
    pthread_mutex_init(&c->mutex, NULL);
    c->max_bytes = max_bytes;
    *ret = c;
    return 0;
}

void cache_entry_put(struct cache_entry *x)
{
    if (!x || atomic_fetch_sub_explicit(&x->refs, 1, memory_order_acq_rel) != 1)
        return;
    http_response_unref(x->full);
    http_response_unref(x->not_modified);
    free(x);
}

/* Out of ring and bucket; the reference of the cache goes to the caller. */
static void take_out(struct cache *c, struct cache_entry *x)
{
    struct cache_entry **p = &c->buckets[x->hash & (BUCKETS - 1)];

    while (*p != x)
        p = &(*p)->chain;
    *p = x->chain;
    if (c->hand == x)
        c->hand = x->next != x ? x->next : NULL;
    x->prev->next = x->next;
    x->next->prev = x->prev;
    c->bytes -= x->bytes;
}

struct cache *cache_free(struct cache *c)
{
    if (!c)
        return NULL;
    while (c->hand) {
        struct cache_entry *x = c->hand;
        take_out(c, x);
        cache_entry_put(x);
    }
    pthread_mutex_destroy(&c->mutex);
    free(c);
    return NULL;
}

static struct cache_entry *find(struct cache *c, uint64_t hash, const char *path, size_t n)
{
    struct cache_entry *x = c->buckets[hash & (BUCKETS - 1)];

    while (x && (x->hash != hash || x->path_n != n || memcmp(x->text, path, n) != 0))
        x = x->chain;
    return x;
}

struct cache_entry *cache_get(struct cache *c, const char *path, size_t n)
{
    uint64_t hash = hash_of(path, n);

    pthread_mutex_lock(&c->mutex);
    struct cache_entry *x = find(c, hash, path, n);
    if (x) {
        atomic_fetch_add_explicit(&x->refs, 1, memory_order_relaxed);
        atomic_store_explicit(&x->used, true, memory_order_relaxed);
    }
    pthread_mutex_unlock(&c->mutex);
    return x;
}

/* The clock: whoever was not asked for since the hand came by last goes. */
static void make_room(struct cache *c, size_t bytes)
{
    while (c->hand && c->bytes + bytes > c->max_bytes) {
        struct cache_entry *x = c->hand;
        c->hand = x->next;
        if (atomic_exchange_explicit(&x->used, false, memory_order_relaxed))
            continue;
        take_out(c, x);
        cache_entry_put(x);
    }
}

static void insert(struct cache *c, struct cache_entry *x)
{
    struct cache_entry *old = find(c, x->hash, x->text, x->path_n);

    if (old) {
        take_out(c, old);
        cache_entry_put(old);
    }
    make_room(c, x->bytes);
    struct cache_entry **bucket = &c->buckets[x->hash & (BUCKETS - 1)];
    x->chain = *bucket;
    *bucket = x;
    if (!c->hand) {
        c->hand = x->prev = x->next = x;
    } else {
        x->next = c->hand;
        x->prev = c->hand->prev;
        x->prev->next = x->next->prev = x;
    }
    c->bytes += x->bytes;
}

void cache_put(struct cache *c, const char *path, size_t n, const char *repo, uint64_t generation,
               int64_t until, const char *etag, struct http_response *full,
               struct http_response *not_modified, size_t bytes)
{
    size_t repo_n = strlen(repo) + 1, etag_n = strlen(etag) + 1;
    size_t total = sizeof(struct cache_entry) + n + repo_n + etag_n + bytes + ENTRY_OVERHEAD;
    struct cache_entry *x = NULL;

    if (full && not_modified && total <= c->max_bytes / MAX_PART)
        x = mem_alloc(sizeof *x + n + repo_n + etag_n);
    if (!x) {
        http_response_unref(full);
        http_response_unref(not_modified);
        return;
    }
    memcpy(x->text, path, n);
    x->repo = memcpy(x->text + n, repo, repo_n);
    x->etag = memcpy(x->text + n + repo_n, etag, etag_n);
    x->path_n = n;
    x->hash = hash_of(path, n);
    x->full = full;
    x->not_modified = not_modified;
    x->generation = generation;
    x->until = until;
    x->bytes = total;
    atomic_init(&x->refs, 1);
    pthread_mutex_lock(&c->mutex);
    insert(c, x);
    pthread_mutex_unlock(&c->mutex);
}

const char *cache_entry_repo(const struct cache_entry *x)
{
    return x->repo;
}

uint64_t cache_entry_generation(const struct cache_entry *x)
{
    return x->generation;
}

int64_t cache_entry_until(const struct cache_entry *x)
{
    return x->until;
}

const char *cache_entry_etag(const struct cache_entry *x)
{
    return x->etag;
}

struct http_response *cache_entry_full(const struct cache_entry *x)
{
    return x->full;
}

struct http_response *cache_entry_not_modified(const struct cache_entry *x)
{
    return x->not_modified;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/auth/guard.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/crypto.h"
#include "base/mem.h"

#define WAYS    8
#define SETS    1024 /* power of two */
#define KEY_LEN 16

struct peer {
    uint8_t key[KEY_LEN];
    int64_t since_ns; /* begin of its window; with n == 0 the place is free */
    uint64_t n;
};

struct guard {
    pthread_mutex_t mutex;
    uint64_t max;
    int64_t window_ns;
    uint64_t seed[2];
    struct peer peers[SETS][WAYS];
};

int guard_new(uint64_t max_failures, int64_t window_ns, struct guard **ret, struct shale_err *e)
{
    struct guard *g = mem_alloc(sizeof *g);

    if (!g)
        return err_nomem(e);
    if (getrandom(g->seed, sizeof g->seed, 0) != (ssize_t)sizeof g->seed) {
        free(g);
        return err_set(e, SHALE_SYSTEM, "no random numbers");
    }
    pthread_mutex_init(&g->mutex, NULL);
    g->max = max_failures;
    g->window_ns = window_ns;
    *ret = g;
    return 0;
}

struct guard *guard_free(struct guard *g)
{
    if (g) {
        pthread_mutex_destroy(&g->mutex);
        free(g);
    }
    return NULL;
}

/* The address in 16 bytes; what is no address (a Unix socket) is its text, cut. */
static void key_of(const char *peer, uint8_t key[KEY_LEN])
{
    static const uint8_t mapped[12] = {[10] = 0xff, 0xff};

    memset(key, 0, KEY_LEN);
    if (inet_pton(AF_INET6, peer, key) == 1) {
        if (memcmp(key, mapped, sizeof mapped) != 0)
            memset(key + 8, 0, 8);
        return;
    }
    memcpy(key, mapped, sizeof mapped);
    if (inet_pton(AF_INET, peer, key + 12) != 1)
        for (size_t i = 0; i < KEY_LEN && peer[i]; i++)
            key[i] = (uint8_t)peer[i];
}

static struct peer *set_of(struct guard *g, const uint8_t key[KEY_LEN])
{
    uint64_t half[2];

    memcpy(half, key, sizeof half);
    uint64_t h = g->seed[0];
    for (int i = 0; i < 2; i++) {
        h = (h ^ half[i]) * 0x9e3779b97f4a7c15ull;
        h = (h ^ (h >> 29) ^ g->seed[1]) * 0xbf58476d1ce4e5b9ull;
        h ^= h >> 32;
    }
    return g->peers[h & (SETS - 1)];
}

/* Its place, or NULL; an old window is over and counts as none. */
static struct peer *find(struct guard *g, struct peer *set, const uint8_t key[KEY_LEN],
                         int64_t now_ns)
{
    for (int i = 0; i < WAYS; i++)
        if (set[i].n && now_ns - set[i].since_ns < g->window_ns &&
            memcmp(set[i].key, key, KEY_LEN) == 0)
            return &set[i];
    return NULL;
}

static struct peer *place(struct guard *g, struct peer *set, int64_t now_ns)
{
    struct peer *oldest = &set[0];

    for (int i = 0; i < WAYS; i++) {
        if (set[i].n == 0 || now_ns - set[i].since_ns >= g->window_ns)
            return &set[i];
        if (set[i].since_ns < oldest->since_ns)
            oldest = &set[i];
    }
    return oldest;
}

int64_t guard_blocked(struct guard *g, const char *peer, int64_t now_ns)
{
    uint8_t key[KEY_LEN];
    int64_t wait_ns = 0;

    key_of(peer, key);
    pthread_mutex_lock(&g->mutex);
    const struct peer *p = find(g, set_of(g, key), key, now_ns);
    if (p && p->n >= g->max)
        wait_ns = p->since_ns + g->window_ns - now_ns;
    pthread_mutex_unlock(&g->mutex);
    return wait_ns;
}

void guard_failed(struct guard *g, const char *peer, int64_t now_ns)
{
    uint8_t key[KEY_LEN];

    key_of(peer, key);
    pthread_mutex_lock(&g->mutex);
    struct peer *set = set_of(g, key), *p = find(g, set, key, now_ns);
    if (!p) {
        p = place(g, set, now_ns);
        memcpy(p->key, key, KEY_LEN);
        p->since_ns = now_ns;
        p->n = 0;
    }
    p->n++;
    pthread_mutex_unlock(&g->mutex);
}

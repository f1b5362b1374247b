/* SPDX-License-Identifier: Apache-2.0 */
/* A set of 64-bit hashes of digests, with open addressing. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "registry/index/index_search.h"

static uint64_t hash_of(const char *s)
{
    uint64_t h = 0xcbf29ce484222325ull;

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
    return h | 1; /* 0 is an empty place */
}

static void put(uint64_t *v, size_t cap, uint64_t h)
{
    size_t i = h >> 20 & (cap - 1);

    while (v[i])
        i = (i + 1) & (cap - 1);
    v[i] = h;
}

int seen_before(struct seen *s, const char *digest, struct shale_err *e)
{
    uint64_t h = hash_of(digest);

    for (size_t i = h >> 20 & (s->cap - 1); s->cap && s->v[i]; i = (i + 1) & (s->cap - 1))
        if (s->v[i] == h)
            return 1;
    if (2 * (s->n + 1) > s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 64;
        uint64_t *v = mem_alloc(cap * sizeof *v);
        if (!v)
            return err_nomem(e);
        for (size_t i = 0; i < s->cap; i++)
            if (s->v[i])
                put(v, cap, s->v[i]);
        free(s->v);
        s->v = v;
        s->cap = cap;
    }
    put(s->v, s->cap, h);
    s->n++;
    return 0;
}

void seen_forget(struct seen *s)
{
    if (s->cap)
        memset(s->v, 0, s->cap * sizeof *s->v);
    s->n = 0;
}

void seen_clear(struct seen *s)
{
    free(s->v);
    *s = (struct seen){0};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upstream/missing.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"

#define KEY_BYTES 32 /* hex characters that are kept of a SHA-256: nobody makes two names meet */
#define TEXT_MAX  1024

struct missing {
    pthread_mutex_t mutex;
    struct {
        char key[KEY_BYTES];
        int64_t until; /* monotonic */
    } v[MISSING_ENTRIES];
};

int missing_new(struct missing **ret, struct shale_err *e)
{
    struct missing *m = mem_alloc(sizeof *m);

    if (!m)
        return err_nomem(e);
    pthread_mutex_init(&m->mutex, NULL);
    *ret = m;
    return 0;
}

struct missing *missing_free(struct missing *m)
{
    if (m)
        pthread_mutex_destroy(&m->mutex);
    free(m);
    return NULL;
}

/* false: it cannot be remembered. */
static bool key_of(char kind, const char *repo, const char *ref, char ret[HASH_MAX_HEX + 1],
                   size_t *ret_place)
{
    char text[TEXT_MAX];
    int n = snprintf(text, sizeof text, "%c %s %s", kind, repo, ref);

    if (n < 0 || (size_t)n >= sizeof text ||
        hash_bytes(HASH_SHA256, text, (size_t)n, ret, NULL) < 0)
        return false;
    size_t place = 0;
    for (int i = 0; i < 8; i++)
        place = place * 16 + (size_t)(ret[i] <= '9' ? ret[i] - '0' : ret[i] - 'a' + 10);
    *ret_place = place & (MISSING_ENTRIES - 1);
    return true;
}

void missing_add(struct missing *m, char kind, const char *repo, const char *ref, int64_t for_ns)
{
    char key[HASH_MAX_HEX + 1];
    size_t i;

    if (for_ns <= 0 || !key_of(kind, repo, ref, key, &i))
        return;
    pthread_mutex_lock(&m->mutex);
    memcpy(m->v[i].key, key, KEY_BYTES);
    m->v[i].until = time_mono_ns() + for_ns;
    pthread_mutex_unlock(&m->mutex);
}

bool missing_has(struct missing *m, char kind, const char *repo, const char *ref)
{
    char key[HASH_MAX_HEX + 1];
    size_t i;

    if (!key_of(kind, repo, ref, key, &i))
        return false;
    pthread_mutex_lock(&m->mutex);
    bool has = m->v[i].until > time_mono_ns() && memcmp(m->v[i].key, key, KEY_BYTES) == 0;
    pthread_mutex_unlock(&m->mutex);
    return has;
}

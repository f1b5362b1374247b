/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for windows, shared by the decoders of a process; and how much a zstd frame needs
 * (RFC 8878, 3.1.1.1). */
#include <pthread.h>

#include "tar/codec.h"
#include "tar/codec_impl.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given = PTHREAD_COND_INITIALIZER;
static uint64_t taken;

void window_take(uint64_t n)
{
    if (n == 0)
        return;
    pthread_mutex_lock(&lock);
    while (taken > 0 && (n > DECODER_WINDOWS_BYTES || taken > DECODER_WINDOWS_BYTES - n))
        pthread_cond_wait(&given, &lock);
    taken += n;
    pthread_mutex_unlock(&lock);
}

void window_give(uint64_t n)
{
    if (n == 0)
        return;
    pthread_mutex_lock(&lock);
    taken -= n;
    pthread_cond_broadcast(&given);
    pthread_mutex_unlock(&lock);
}

uint64_t window_taken(void)
{
    pthread_mutex_lock(&lock);
    uint64_t n = taken;
    pthread_mutex_unlock(&lock);
    return n;
}

int window_of_zstd(const uint8_t *p, size_t n, uint64_t *ret)
{
    static const uint8_t dict_n[] = {0, 1, 2, 4}, size_n[] = {1, 2, 4, 8};

    if (n < 5)
        return 0;
    *ret = 0;
    if (p[0] != 0x28) /* skippable */
        return 1;
    uint8_t descriptor = p[4];
    if (!(descriptor & 0x20)) { /* a window descriptor follows */
        if (n < 6)
            return 0;
        uint64_t base = 1ull << (10 + (p[5] >> 3));
        *ret = base + base / 8 * (p[5] & 7);
        return 1;
    }
    size_t at = 5u + dict_n[descriptor & 3], k = size_n[descriptor >> 6]; /* all in one segment */
    if (n < at + k)
        return 0;
    for (size_t i = 0; i < k; i++)
        *ret |= (uint64_t)p[at + i] << (8 * i);
    *ret += k == 2 ? 256 : 0;
    return 1;
}

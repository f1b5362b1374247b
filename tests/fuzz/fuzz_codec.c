/* SPDX-License-Identifier: Apache-2.0 */
/* Decompression: fed whole and in pieces, with large and small output, the bytes and the verdict
 * must be the same, and the limits must hold. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "tar/codec.h"

#define MAX_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct verdict {
    int code;
    uint64_t n; /* bytes that came out */
    char hex[HASH_MAX_HEX + 1];
};

static int feed(struct decoder *d, struct str in, size_t cap, struct hash *h, uint64_t *total,
                struct shale_err *e)
{
    uint8_t out[4096];
    size_t n;

    do {
        int r = decoder_run(d, &in, out, cap, &n, e);
        if (r < 0)
            return r;
        if (n > cap)
            __builtin_trap();
        hash_update(h, out, n);
        *total += n;
        if (*total > MAX_BYTES)
            __builtin_trap();
    } while (n == cap || in.n);
    return 0;
}

static void decode(const uint8_t *data, size_t size, size_t step, size_t cap, struct verdict *ret)
{
    const struct decoder_limits limits = {MAX_BYTES, 0, 0};
    _cleanup_(hash_clear) struct hash h = {0};
    struct shale_err e = SHALE_ERR_INIT;
    struct decoder *d;
    int r = 0;

    *ret = (struct verdict){0};
    if (hash_init(&h, HASH_SHA256, &e) < 0 || decoder_new(DECODER_ARCHIVE, &limits, &d, &e) < 0)
        __builtin_trap();
    for (size_t i = 0; i < size && r == 0; i += step)
        r = feed(d, (struct str){(const char *)data + i, size - i < step ? size - i : step}, cap,
                 &h, &ret->n, &e);
    if (r == 0)
        r = decoder_end(d, &e);
    if (r < 0 && !e.msg[0])
        __builtin_trap();
    decoder_free(d);
    ret->code = -r;
    hash_hex(&h, ret->hex);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct {
        size_t step, cap;
    } ways[] = {{1, 4096}, {7, 64}, {4096, 512}};
    struct verdict whole, v;

    decode(data, size, size ? size : 1, 4096, &whole);
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        decode(data, size, ways[i].step, ways[i].cap, &v);
        /* How much comes out before an error depends on the pieces; the verdict does not. */
        if ((v.code == 0) != (whole.code == 0))
            __builtin_trap();
        if (v.code == 0 && (v.n != whole.n || strcmp(v.hex, whole.hex) != 0))
            __builtin_trap();
    }
    return 0;
}

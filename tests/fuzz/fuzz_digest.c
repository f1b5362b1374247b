/* SPDX-License-Identifier: Apache-2.0 */
/* Digests: one that parses has exactly its own text. */
#include <stdint.h>
#include <string.h>

#include "model/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct digest d = {{0}}, again;
    char shown[13];

    if (digest_parse_n((const char *)data, size, &d, &e) < 0) {
        if (digest_is_set(&d) || !e.code)
            __builtin_trap();
        return 0;
    }
    if (strlen(d.s) != size || memcmp(d.s, data, size) != 0)
        __builtin_trap();
    if (digest_parse(d.s, &again, &e) < 0 || !digest_eq(&d, &again))
        __builtin_trap();
    if (strlen(digest_hex(&d)) != 2 * hash_size(digest_alg(&d)))
        __builtin_trap();
    digest_short(&d, shown);
    if (strlen(shown) != 12)
        __builtin_trap();
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What an OCI runtime says on its log and on stderr. */
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "container/runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t rooms[] = {400, 10, 1};

    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        char words[400];
        struct shale_err e = SHALE_ERR_INIT;

        runtime_words(NULL, (const char *)data, size, words, rooms[i]);
        if (strnlen(words, rooms[i]) == rooms[i])
            __builtin_trap();
        for (const char *s = words; *s; s++)
            if ((unsigned char)*s < ' ' || *s == 127)
                __builtin_trap();
        if (runtime_refusal("runtime", words, &e) >= 0 || !e.msg[0])
            __builtin_trap();
    }
    return 0;
}

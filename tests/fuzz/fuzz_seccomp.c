/* SPDX-License-Identifier: Apache-2.0 */
/* A file of --security-opt seccomp=… */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "container/seccomp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct seccomp_env env[] = {{"x86_64", 0x60600, 0xa80425fb}, {"aarch64", 0, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(env); i++) {
        _cleanup_json_ json_t *j = NULL;
        struct shale_err e = SHALE_ERR_INIT;
        int r = seccomp_from_profile(data, size, &env[i], &j, &e);
        if (r < 0 ? j || e.code != -r || !e.msg[0] : !json_is_object(j))
            __builtin_trap();
    }
    return 0;
}

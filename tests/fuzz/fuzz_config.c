/* SPDX-License-Identifier: Apache-2.0 */
/* Image configs. */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "model/chain.h"
#include "model/config.h"
#include "model/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct shale_err e = SHALE_ERR_INIT;
    struct digest id;
    struct config c;
    char text[64];

    if (config_parse(data, size, &a, &c, &e) < 0) {
        if (!e.code || !e.msg[0])
            __builtin_trap();
        return 0;
    }
    if (!c.raw || c.n_diff_ids > LIMIT_LAYERS || c.n_history > LIMIT_HISTORY)
        __builtin_trap();
    for (size_t i = 0; i < c.n_history; i++)
        time_format_rfc3339nano(c.history[i].created_ns, text);
    for (size_t i = 0; i < c.run.env.n; i++)
        if (!c.run.env.v[i])
            __builtin_trap();
    platform_format_all(&c.platform, &a);
    if (c.n_diff_ids && chain_id(c.diff_ids, c.n_diff_ids, &id, &e) < 0)
        __builtin_trap();
    return 0;
}

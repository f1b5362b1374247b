/* SPDX-License-Identifier: Apache-2.0 */
/* Times, durations, filters and sizes as text. What can be parsed and written is parsed again to
 * the same value. */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/time.h"
#include "base/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = mem_strndup((const char *)data, size);
    struct shale_err e = SHALE_ERR_INIT;
    char out[64];
    int64_t v, again;

    if (!text)
        return 0;
    if (time_parse_rfc3339(text, &v, &e) == 0) {
        time_format_go(v, out);
        if (time_parse_rfc3339(time_format_rfc3339nano(v, out), &again, &e) < 0)
            __builtin_trap();
        /* Clamped values are written as what they are. */
        if (again != v && v != INT64_MAX && v != INT64_MIN + 1)
            __builtin_trap();
    }
    if (time_parse_duration(text, &v, &e) == 0) {
        time_human_duration(v, out);
        if (time_parse_duration(time_format_duration(v, out), &again, &e) < 0 || again != v)
            __builtin_trap();
    }
    if (time_parse_filter(text, 1700000000 * NS_PER_S, &v, &e) == 0)
        time_format_rfc3339nano(v, out);
    if (units_parse_binary(text, &v, &e) == 0) {
        if (v < 0)
            __builtin_trap();
        units_human((uint64_t)v, 3, out);
    }
    return 0;
}

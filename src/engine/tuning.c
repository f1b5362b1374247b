/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that lines and hosts out of the ordinary need other values of: from the environment. */
#include <stddef.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "engine/engine_priv.h"

#define MAX_SECONDS 86400
#define MAX_RETRIES 1000
#define MAX_RATIO   1000000000

enum unit { COUNT, SECONDS };

/* What shale(1) says of them is in cli/cmd_man.c. */
#define T(member) offsetof(struct tuning, member)
static const struct knob {
    const char *name;
    enum unit unit;
    uint64_t min, max;
    size_t offset;
} knobs[] = {
    {"SHALE_RETRIES", COUNT, 0, MAX_RETRIES, T(retries)},
    {"SHALE_CONNECT_TIMEOUT", SECONDS, 1, MAX_SECONDS, T(connect_timeout)},
    {"SHALE_STALL_TIMEOUT", SECONDS, 1, MAX_SECONDS, T(stall_timeout)},
    {"SHALE_HELPER_TIMEOUT", SECONDS, 1, MAX_SECONDS, T(helper_timeout)},
    {"SHALE_MAX_INFLATE_RATIO", COUNT, 1, MAX_RATIO, T(max_inflate_ratio)},
};

int engine_tuning(struct tuning *ret, struct shale_err *e)
{
    *ret = (struct tuning){-1, -1, -1, -1, -1};
    for (size_t i = 0; i < ARRAY_SIZE(knobs); i++) {
        const struct knob *k = &knobs[i];
        const char *text = getenv(k->name);
        uint64_t v;

        if (!text || !*text)
            continue;
        if (!str_to_u64(text, &v) || v < k->min || v > k->max)
            return err_set(e, SHALE_INVALID, "%s=%.40s: not a number%s from %llu to %llu", k->name,
                           text, k->unit == SECONDS ? " of seconds" : "",
                           (unsigned long long)k->min, (unsigned long long)k->max);
        *(int64_t *)((char *)ret + k->offset) = (int64_t)v * (k->unit == SECONDS ? NS_PER_S : 1);
    }
    return 0;
}

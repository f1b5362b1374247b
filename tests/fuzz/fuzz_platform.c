/* SPDX-License-Identifier: Apache-2.0 */
/* Platforms: one a line. Every specifier that parses serves itself, and its text means the same. */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_one(const struct platform *p, struct arena *a)
{
    struct platform again, n = platform_normalize(*p, a), nn = platform_normalize(n, a);
    const char *text = platform_format_all(&n, a), *twice = platform_format_all(&nn, a);

    if (text && twice && !streq(text, twice))
        __builtin_trap();
    if (platform_rank(p, p, false) < 0 || platform_rank(&n, p, false) < 0 ||
        platform_prefer(p, p, p, false) != 0 || !platform_matches_local(p, p))
        __builtin_trap();
    if (text && platform_parse(text, a, &again, NULL) == 0 && platform_rank(&n, &again, false) < 0)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4 << 20);
    struct str rest = {(const char *)data, size}, line;
    struct platform have, want;
    bool has_want = false;

    if (size > 4096)
        return 0;
    while (rest.n && str_split(&rest, '\n', &line)) {
        _cleanup_free_ char *text = mem_strndup(line.p, line.n);
        struct shale_err e = SHALE_ERR_INIT;
        if (!text)
            return 0;
        if (platform_parse(text, &a, &have, &e) < 0) {
            if (!e.code)
                __builtin_trap();
            continue;
        }
        check_one(&have, &a);
        if (has_want) {
            bool strict = platform_rank(&want, &have, true) >= 0;
            if (strict && platform_rank(&want, &have, false) < 0)
                __builtin_trap();
            int c = platform_prefer(&want, &have, &want, false);
            int d = platform_prefer(&want, &want, &have, false);
            if ((c < 0) != (d > 0) || (c == 0) != (d == 0))
                __builtin_trap();
        }
        want = have;
        has_want = true;
    }
    return 0;
}

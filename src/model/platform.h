/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Platforms and how one is chosen (containerd/platforms; docker-reference C.6). Strings are borrowed:
 * from an arena, a parsed document, or static. NULL or "" means unset. */
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

struct platform {
    const char *os, *arch, *variant, *os_version;
    struct strv os_features;
};

/* "linux/arm64/v8", "arm64", "linux", "windows(10.0.17763)/amd64". Errors in containerd's words. */
int platform_parse(const char *s, struct arena *a, struct platform *ret, struct shale_err *e);
struct platform platform_normalize(struct platform p, struct arena *a);
/* Of this machine (amd64 level from CPUID). Strings are static. */
struct platform platform_host(void);
/* "linux/arm64/v8"; unset parts left out. */
char *platform_format(const struct platform *p, struct arena *a);
/* Rank of `have` when `want` is asked for, 0 the best; -1: does not match. `strict` is OnlyStrict. */
int platform_rank(const struct platform *want, const struct platform *have, bool strict);
bool platform_is_set(const struct platform *p); /* os or arch set */

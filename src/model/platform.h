/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Platforms and how one is chosen (containerd/platforms). Strings are
 * borrowed: from an arena, a parsed document, or static. NULL or "" means unset.
 *
 * An unset os counts as "linux" when platforms are compared, an unset arch matches only an unset
 * one. Comparing never allocates and looks through aliases ("aarch64", "x86_64", "arm64/v8" is
 * "arm64").
 */
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
/* Lower case, aliases resolved, features sorted; parts that are empty afterwards are NULL. What
 * cannot be copied for lack of memory stays as it was. */
struct platform platform_normalize(struct platform p, struct arena *a);
/* Of this machine (amd64 level from CPUID: variant "v2", "v3", "v4" or none). Strings are static.
 */
struct platform platform_host(void);
/* "linux/arm64/v8"; unset parts left out, "unknown" without an os. NULL: out of memory. */
char *platform_format(const struct platform *p, struct arena *a);
/* The same with os version and features: "windows(10.0.17763+win32k)/amd64". */
char *platform_format_all(const struct platform *p, struct arena *a);
/* Rank of `have` when `want` is asked for, 0 the best; -1: does not match. `strict` is OnlyStrict.
 */
int platform_rank(const struct platform *want, const struct platform *have, bool strict);
/* Below 0 if `a` serves `want` better than `b`, above 0 if worse, 0 if neither: by rank, then (when
 * a Windows version is wanted) same build and higher version, then more features. */
int platform_prefer(const struct platform *want, const struct platform *a, const struct platform *b,
                    bool strict);
/* For images that are here already: platform_rank, or a `have` without variant of the same os and
 * arch (configs seldom record the variant). */
bool platform_matches_local(const struct platform *want, const struct platform *have);
bool platform_is_set(const struct platform *p); /* os or arch set */

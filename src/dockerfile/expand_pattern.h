/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Patterns in variables: ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r} ${v//p/r}. `*` is any run of
 * characters (of UTF-8; a byte that is none counts as one), `?` any one, \* \? \\ \/ \} stand for
 * themselves. Errors: INVALID (another escape), LIMIT (EXPAND_MAX_PATTERN), NO_MEMORY.
 */
#include <stdbool.h>

#include "base/buf.h"

#define EXPAND_MAX_PATTERN 1024 /* characters */

/* The value without what matches at its start or end, the shortest or the longest. */
int expand_trim(const char *pattern, const char *value, bool at_end, bool longest, struct buf *out,
                struct shale_err *e);
/* The first place (all places) that matches, the longest, replaced. */
int expand_replace(const char *pattern, const char *value, const char *by, bool all,
                   struct buf *out, struct shale_err *e);

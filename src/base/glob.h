/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Globs over repository names and tags, as the config file has them:
 *
 *   *   any run of characters without '/'      team-*    team-a, not team-a/x
 *   **  any run of characters                  (two stars) team/a/b for team and two stars
 *   ?   one character that is not '/'
 *
 * Everything else stands for itself; there are no classes and no escapes (names have none of these
 * characters). Matching takes time of pattern times name at most, whatever the pattern. Pure.
 */
#include <stdbool.h>

#include "base/err.h"

#define GLOB_MAX_BYTES 512 /* of a pattern; longer names match nothing */

/* INVALID: empty, longer than GLOB_MAX_BYTES, or with characters that no name has. */
int glob_check(const char *pattern, struct shale_err *e);
bool glob_match(const char *pattern, const char *name);

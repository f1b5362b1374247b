/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * .dockerignore: which files of a build context are left out. Lines as Go's filepath.Match has
 * them, with ** for any number of folders, # comments, ! for what is in after all; the last line
 * that matches says. A pattern also matches all below what it matches.
 *
 *   struct ignore *ig = NULL;
 *   r = ignore_parse(text, n, &ig, e);
 *   if (ignore_excludes(ig, "node_modules/x", IGNORE_FILE)) …
 *   ignore_free(ig);
 *
 * Paths are relative, without ./ and trailing slash. Thread-safe once parsed. Errors: INVALID names
 * the line.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define IGNORE_MAX_BYTES (1u << 20)
#define IGNORE_MAX_LINES 20000

struct ignore;
int ignore_parse(const char *text, size_t n, struct ignore **ret, struct shale_err *e);
struct ignore *ignore_free(struct ignore *g);
/* NULL g excludes nothing. */
bool ignore_excludes(const struct ignore *g, const char *path);
/* An excluded folder need not be looked into: no ! line can bring back anything below it. */
bool ignore_skips_below(const struct ignore *g, const char *path);

bool ignore_has_negations(const struct ignore *g); /* any ! line */

/* One pattern of COPY (Go's filepath.Match and **), e.g. "src/ ** /x?.[ch]" without the spaces.
 * All of the path, not what is below it. */
bool ignore_match(const char *pattern, const char *path);
/* Of --exclude: the same rules for one pattern. INVALID: bad brackets. */
int ignore_check_pattern(const char *pattern, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One pattern of .dockerignore against one path:
 *
 *   *       any run of characters without '/'       ?        one character that is not '/'
 *   [a-z]   one of them, [^a-z] one that is not     \c       c itself
 *   **      at the end: anything; else any number of whole folders, with the '/' behind it; before
 *           plain text at the start ("**.o"): anything
 *
 * Characters are those of UTF-8. Time is pattern times path at most. Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#define MATCH_MAX_PATH 8192 /* longer ones match nothing */

/* What can be told at once: most paths match most patterns not even nearly. */
struct match_hint {
    size_t prefix, suffix; /* bytes at either end that stand for themselves */
    bool plain;            /* all of them do */
};
struct match_hint match_hint(const char *pattern);

bool match_path(const char *pattern, size_t pattern_n, const struct match_hint *hint,
                const char *path, size_t n);
/* Whether anything below the folder could match. */
bool match_below(const char *pattern, size_t pattern_n, const char *folder);
/* As Go's filepath.Match has it: brackets closed and not empty, nothing escaped at the end. */
bool match_is_valid(const char *pattern);

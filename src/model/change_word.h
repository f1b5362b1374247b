/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Words of a change (change.h): cutting a line into them, and what quotes, backslashes and
 * variables in one come to, as in a Dockerfile.
 */
#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

/* The next word of *text, with its quotes, in the arena; *text moves behind it. NULL: none is left,
 * or no memory (a->failed). */
char *change_next_word(const char **text, struct arena *a);

/* A word as it is meant: without quotes, with the values of variables. env is a list of
 * "NAME=value" (NULL: none). NULL with *e set: INVALID, NO_MEMORY. */
char *change_word(const char *word, const json_t *env, struct arena *a, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Variables in the words of a Dockerfile: $v ${v} ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?w} ${v?w}
 * ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r} ${v//p/r}, quotes and the escape character as in docker's
 * Dockerfile reference ("Environment replacement").
 *
 *   struct expand x = {.lookup = find, .arg = vars, .escape = '\\', .arena = &a};
 *   r = expand_word(&x, "${name:-none}/bin", &s, e);
 *
 * Names are letters of ASCII, digits and _, or one of the shell's special parameters (never set
 * here). Patterns: expand_pattern.h. Results are in the arena. Errors: INVALID (syntax,
 * ${v:?words}), LIMIT (EXPAND_MAX_BYTES).
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define EXPAND_MAX_BYTES (1u << 20) /* of one result */
#define EXPAND_MAX_DEPTH 32         /* of ${a:-${b:-…}} */

struct expand {
    const char *(*lookup)(void *arg, const char *name); /* NULL: not set. Borrowed for the call */
    /* A name that is not set was used, other than with - + ?, which ask for that; may be NULL */
    void (*unknown)(void *arg, const char *name);
    void *arg;
    char escape;
    bool keep_quotes; /* of heredocs and shell text: quotes mean nothing and stay */
    bool keep_rest;   /* $v and ${v} that are not set, and escapes, stay: they are a shell's own */
    struct arena *arena;
};
/* One word: what is expanded is not split; quotes are taken away. */
int expand_word(const struct expand *x, const char *word, const char **ret, struct shale_err *e);
/* EXPOSE and such: what is not quoted is split at white space after expansion. *ret ends with NULL.
 */
int expand_words(const struct expand *x, const char *text, const char *const **ret, size_t *ret_n,
                 struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The --filter of listings (networks, volumes): "key=value" texts against a table of keys.
 *
 *   static const struct listfilter keys[] = {{"name=", match_name}, …};
 *   r = listfilter_check(keys, ARRAY_SIZE(keys), o->filters, e);
 *   if (listfilter_passes(keys, ARRAY_SIZE(keys), &item, o->filters)) …
 *
 * Pure. An item passes when it matches, for each key that is given, one of its values, or all of
 * them where the key says so. A list ends with NULL, and may be NULL.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct listfilter {
    const char *key; /* with its "=" */
    bool (*match)(const void *item, const char *value);
    int (*check)(const char *value, struct shale_err *e); /* NULL: every value is fine */
    bool all; /* of several values all have to match, not just one */
};
/* INVALID, in docker's words: a key that is not there, or what `check` says. */
int listfilter_check(const struct listfilter *keys, size_t n_keys, const char *const *list,
                     struct shale_err *e);
bool listfilter_passes(const struct listfilter *keys, size_t n_keys, const void *item,
                       const char *const *list);

int listfilter_unknown(const char *filter, struct shale_err *e); /* INVALID */
/* INVALID unless it is true, 1, false or 0. */
int listfilter_bool(const char *key, const char *value, bool *ret, struct shale_err *e);
/* Of dangling=: */
int listfilter_check_dangling(const char *value, struct shale_err *e);
bool listfilter_is_true(const char *value); /* once it is checked */

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Building JSON with one check at the end: what fails (no memory, text that is not UTF-8) sets
 * *bad. */
#include <jansson.h>

#include "base/err.h"
#include "base/json.h"

void jout_put(int *bad, json_t *o, const char *key, json_t *v);     /* takes v */
void jout_str(int *bad, json_t *o, const char *key, const char *s); /* NULL: "" */
void jout_int(int *bad, json_t *o, const char *key, int64_t n);
void jout_bool(int *bad, json_t *o, const char *key, bool b);
void jout_add(int *bad, json_t *list, json_t *v); /* takes v */
json_t *jout_strv(const struct strv *v);          /* NULL: failed */
json_t *jout_split(const char *words); /* an array of the words of a blank-separated list */
int jout_check(int bad, const char *what, struct shale_err *e);
/* Compact text in the arena; -SHALE_NO_MEMORY. */
int jout_text(const json_t *j, size_t flags, struct arena *a, char **ret, struct shale_err *e);

/* Members by the table that json_bind reads them with, of the struct at `from`. How they are
 * written when there is nothing in them ("", 0, false, an empty list): as it is, unless flags say
 * otherwise. */
enum {
    JOUT_NULL = 1 << 8,           /* null */
    JOUT_OMIT = 1 << 9,           /* not at all */
    JOUT_OMIT_NEGATIVE = 1 << 10, /* the same of numbers below zero */
    JOUT_SKIP = 1 << 11,          /* somebody else writes it */
};
void jout_fields(int *bad, json_t *o, const struct json_field *fields, size_t n, const void *from);
json_t *jout_strmap(const struct strmap *m);
json_t *jout_set(const struct strv *v); /* {"a":{}, …} */

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * JSON from outside, through jansson, with limits; and tables that bind object members to struct
 * fields, so that no parser is a long function.
 *
 *   static const struct json_field fields[] = {
 *       { "size", JB_U64, offsetof(struct d, size), JB_REQUIRED },
 *       { "os",   JB_STR, offsetof(struct d, os),   0 },
 *   };
 *   r = json_bind(obj, fields, ARRAY_SIZE(fields), &d, arena, e);
 *
 * Strings are copied into the arena. Unknown members are ignored. A member of the wrong type is
 * -SHALE_INVALID naming the member; null counts as absent. Strings with an embedded NUL are
 * refused.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define JSON_MAX_DEPTH  64
#define JSON_MAX_VALUES 200000 /* counted by their commas */

/* Parses exactly one value; size is checked by the caller's limit `max`, depth by JSON_MAX_DEPTH.
 * Duplicate keys are refused. Release with json_decref. */
int json_parse(const void *p, size_t n, size_t max, json_t **ret, struct shale_err *e);
/* Whether jansson ran out of memory in this thread since this was asked, or something parsed, last.
 * Asked before and after many values are put together, it stands for a look at each of them. */
bool json_lacked_memory(void);
/* Why jansson makes no string, or no member's name, of `text`: INVALID, "`what` is not valid
 * UTF-8", or NO_MEMORY. */
int json_no_string(const char *text, const char *what, struct shale_err *e);
/* Compact text, to be freed; NULL: no memory. Instead of jansson's own, which drops the names of
 * members where its buffer cannot grow (2.14) and says nothing. */
char *json_text(const json_t *j);
char *json_text_indented(const json_t *j); /* for people, with an end of line */
#pragma GCC poison json_dumps

enum json_kind {
    JB_STR,    /* char * */
    JB_U64,    /* uint64_t; negative or fractional refused */
    JB_I64,    /* int64_t */
    JB_BOOL,   /* bool */
    JB_STRV,   /* struct strv: array of strings */
    JB_STRMAP, /* struct strmap: object of strings */
    JB_SET,    /* struct strv: the keys of an object whose values are ignored */
    JB_OBJECT, /* const json_t *, borrowed from the parsed value */
    JB_ARRAY,  /* const json_t *, borrowed */
};
enum { JB_REQUIRED = 1 << 0 };

struct strv { /* n strings; v may be NULL when n is 0 */
    char **v;
    size_t n;
    bool set; /* the member was there and not null */
};
/* As options have lists; NULL: there are none in it. v has to have a NULL behind them. */
static inline const char *const *strv_or_null(const struct strv *v)
{
    return v->n ? (const char *const *)v->v : NULL;
}
struct strmap { /* in the order of the document */
    struct {
        char *k, *v;
    } * m;
    size_t n;
    bool set;
};

struct json_field {
    const char *name;
    enum json_kind kind;
    size_t offset;
    unsigned flags;
};

int json_bind(const json_t *obj, const struct json_field *fields, size_t n_fields, void *out,
              struct arena *a, struct shale_err *e);

const char *strmap_get(const struct strmap *m, const char *key); /* NULL if absent */
/* Another value for the key, or the pair behind the others, where there must be room for it. */
void strmap_put(struct strmap *m, char *k, char *v);

/* A local that owns a value: _cleanup_json_ json_t *j. */
#define _cleanup_json_ __attribute__((cleanup(json_decrefp)))

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/jout.h"

#include "base/cleanup.h"
#include "base/str.h"

void jout_put(int *bad, json_t *o, const char *key, json_t *v)
{
    if (json_object_set_new(o, key, v) < 0)
        *bad = 1;
}

void jout_str(int *bad, json_t *o, const char *key, const char *s)
{
    jout_put(bad, o, key, json_string(s ? s : ""));
}

void jout_int(int *bad, json_t *o, const char *key, int64_t n)
{
    jout_put(bad, o, key, json_integer(n));
}

void jout_bool(int *bad, json_t *o, const char *key, bool b)
{
    jout_put(bad, o, key, json_boolean(b));
}

void jout_add(int *bad, json_t *list, json_t *v)
{
    if (json_array_append_new(list, v) < 0)
        *bad = 1;
}

json_t *jout_strv(const struct strv *v)
{
    _cleanup_json_ json_t *list = json_array();

    for (size_t i = 0; i < v->n; i++)
        if (json_array_append_new(list, json_string(v->v[i])) < 0)
            return NULL;
    return TAKE_PTR(list);
}

json_t *jout_strmap(const struct strmap *m)
{
    _cleanup_json_ json_t *o = json_object();

    for (size_t i = 0; i < m->n; i++)
        if (json_object_set_new(o, m->m[i].k, json_string(m->m[i].v)) < 0)
            return NULL;
    return TAKE_PTR(o);
}

json_t *jout_set(const struct strv *v)
{
    _cleanup_json_ json_t *o = json_object();

    for (size_t i = 0; i < v->n; i++)
        if (json_object_set_new(o, v->v[i], json_object()) < 0)
            return NULL;
    return TAKE_PTR(o);
}

/* *empty: there is nothing in it. NULL: failed. */
static json_t *value_of(const struct json_field *f, const void *at, bool *empty)
{
    switch (f->kind) {
    case JB_STR: {
        const char *s = *(const char *const *)at;
        *empty = !s || !*s;
        return json_string(s ? s : "");
    }
    case JB_U64: /* sizes: they fit */
    case JB_I64:
        *empty = *(const int64_t *)at == 0;
        return json_integer(*(const int64_t *)at);
    case JB_BOOL:
        *empty = !*(const bool *)at;
        return json_boolean(*(const bool *)at);
    case JB_STRV:
        *empty = ((const struct strv *)at)->n == 0;
        return jout_strv(at);
    case JB_SET:
        *empty = ((const struct strv *)at)->n == 0;
        return jout_set(at);
    case JB_STRMAP:
        *empty = ((const struct strmap *)at)->n == 0;
        return jout_strmap(at);
    default: /* no table asks for the others */
        return NULL;
    }
}

void jout_fields(int *bad, json_t *o, const struct json_field *fields, size_t n, const void *from)
{
    for (size_t i = 0; i < n; i++) {
        const struct json_field *f = &fields[i];
        const void *at = (const char *)from + f->offset;
        bool empty = false;
        if (f->flags & JOUT_SKIP)
            continue;
        if (f->flags & JOUT_OMIT_NEGATIVE && *(const int64_t *)at < 0)
            continue;
        json_t *v = value_of(f, at, &empty);
        if (v && empty && f->flags & JOUT_OMIT)
            json_decref(v);
        else if (v && empty && f->flags & JOUT_NULL) {
            json_decref(v);
            jout_put(bad, o, f->name, json_null());
        } else
            jout_put(bad, o, f->name, v);
    }
}

json_t *jout_split(const char *words)
{
    _cleanup_json_ json_t *list = json_array();
    struct str rest = str_of(words), one;

    while (rest.n > 0 && str_split(&rest, ' ', &one))
        if (json_array_append_new(list, json_stringn(one.p, one.n)) < 0)
            return NULL;
    return TAKE_PTR(list);
}

int jout_check(int bad, const char *what, struct shale_err *e)
{
    if (!bad)
        return 0;
    return json_lacked_memory() ? err_nomem(e)
                                : err_set(e, SHALE_INVALID, "%s has text that is not UTF-8", what);
}

int jout_text(const json_t *j, size_t flags, struct arena *a, char **ret, struct shale_err *e)
{
    size_t n = json_dumpb(j, NULL, 0, flags);
    char *p = n ? arena_alloc(a, n + 1) : NULL;

    if (!p || json_dumpb(j, p, n, flags) != n)
        return err_nomem(e);
    *ret = p;
    return 0;
}

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

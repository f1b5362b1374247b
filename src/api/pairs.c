/* SPDX-License-Identifier: Apache-2.0 */
#include "api/pairs.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

int api_pairs(struct api_req *q, const struct strmap *m, const char *const **ret,
              struct shale_err *e)
{
    *ret = NULL;
    if (!m->set)
        return 0;
    const char **v = arena_array(q->arena, m->n + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < m->n; i++) {
        v[i] = arena_printf(q->arena, "%s=%s", m->m[i].k, m->m[i].v);
        if (!v[i])
            return err_nomem(e);
    }
    v[m->n] = NULL;
    *ret = v;
    return 0;
}

int api_query_pairs(struct api_req *q, const char *name, const char *const **ret,
                    struct shale_err *e)
{
    static const struct json_field field = {"it", JB_STRMAP, 0, 0};
    _cleanup_json_ json_t *j = NULL, *wrapped = json_object();
    struct strmap m = {0};
    const char *text = api_query(q, name), *key;
    json_t *value;
    void *next;
    *ret = NULL;
    if (!text || !*text)
        return 0;
    int r = json_parse(text, strlen(text), API_MAX_JSON, &j, e);
    if (r < 0)
        return err_wrap(e, r, "%s", name);
    json_object_foreach_safe(j, next, key, value) if (json_is_null(value))(void)
        json_object_del(j, key); /* without a value it is not given */
    if (!wrapped || json_object_set(wrapped, "it", j) < 0)
        return err_nomem(e);
    r = json_bind(wrapped, &field, 1, &m, q->arena, e);
    return r < 0 ? err_wrap(e, r, "%s", name) : api_pairs(q, &m, ret, e);
}

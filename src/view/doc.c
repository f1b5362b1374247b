/* SPDX-License-Identifier: Apache-2.0 */
#include "view/doc.h"

#include "base/json.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"

struct doc doc_begin(void)
{
    json_t *j = json_object();
    return (struct doc){.j = j, .failed = !j};
}

void doc_put(struct doc *d, const char *key, json_t *v)
{
    if (d->j && v && json_object_set_new_nocheck(d->j, key, v) == 0)
        return;
    if (!d->j)
        json_decref(v);
    d->failed = true;
}

json_t *doc_string(const char *s)
{
    return json_string_nocheck(s ? s : "");
}

void doc_str(struct doc *d, const char *key, const char *s)
{
    doc_put(d, key, doc_string(s));
}

void doc_str_opt(struct doc *d, const char *key, const char *s)
{
    if (s && *s)
        doc_str(d, key, s);
}

void doc_int(struct doc *d, const char *key, int64_t i)
{
    doc_put(d, key, json_integer(i));
}

void doc_bool(struct doc *d, const char *key, bool b)
{
    doc_put(d, key, json_boolean(b));
}

void doc_time(struct doc *d, const char *key, int64_t t_ns)
{
    char text[40];
    doc_str(d, key,
            t_ns == TIME_NONE ? "0001-01-01T00:00:00Z" : time_format_rfc3339nano(t_ns, text));
}

void doc_text(struct doc *d, const char *key, const char *text, json_t *empty)
{
    json_t *j = NULL;
    if (!text || !*text) {
        doc_put(d, key, empty);
        return;
    }
    if (json_parse(text, strlen(text), DOC_MAX_JSON, &j, NULL) < 0)
        d->failed = true;
    else
        doc_put(d, key, j);
    json_decref(empty);
}

json_t *doc_strings(const char *const *v, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++) {
        if (json_array_append_new(list, doc_string(v[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int doc_list(const void *items, size_t n, size_t size,
             int (*one)(const void *item, json_t **ret, struct shale_err *e), json_t **ret,
             struct shale_err *e)
{
    _cleanup_json_ json_t *list = json_array();

    if (!list)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        json_t *doc = NULL;
        int r = one((const char *)items + i * size, &doc, e);
        if (r < 0)
            return r;
        if (json_array_append_new(list, doc) < 0)
            return err_nomem(e);
    }
    *ret = TAKE_PTR(list);
    return 0;
}

int doc_end(struct doc *d, json_t **ret, struct shale_err *e)
{
    if (d->failed) {
        json_decref(d->j);
        return err_nomem(e);
    }
    *ret = d->j;
    return 0;
}

json_t *doc_take(struct doc *d)
{
    json_t *j = NULL;

    return doc_end(d, &j, NULL) < 0 ? NULL : j;
}

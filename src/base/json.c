/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* jansson's reader drops a character where its buffer cannot grow, and calls other failures of its
 * allocations syntax errors. So they are watched. */
static struct {
    pthread_once_t once;
    json_malloc_t alloc; /* as it was before */
} jansson = {.once = PTHREAD_ONCE_INIT};
static _Thread_local bool out_of_memory;
/* jansson 2.14 frees a pointer that is none where its reader lacks memory for a string behind a
 * number: failures are not put into it, json_parse fails as a whole instead. */
static _Thread_local bool reading;

static void *watched_alloc(size_t n)
{
    void *p = !reading && mem_fails() ? NULL : jansson.alloc(n);

    if (!p)
        out_of_memory = true;
    return p;
}

static void watch_jansson(void)
{
    json_free_t release;

    json_get_alloc_funcs(&jansson.alloc, &release);
    json_set_alloc_funcs(watched_alloc, release);
}

#ifdef SHALE_FAULT_HOOKS
__attribute__((constructor)) static void watch_from_the_start(void)
{
    (void)pthread_once(&jansson.once, watch_jansson);
}
#endif

bool json_lacked_memory(void)
{
    (void)pthread_once(&jansson.once, watch_jansson);
    bool lacked = out_of_memory;

    out_of_memory = false;
    return lacked;
}

static char *text_of(const json_t *j, size_t flags, size_t room)
{
    size_t n = json_dumpb(j, NULL, 0, flags);
    char *p = n ? mem_alloc(n + room + 1) : NULL;

    if (p && json_dumpb(j, p, n, flags) == n)
        return p; /* mem_alloc clears: the end is there */
    free(p);
    return NULL;
}

char *json_text(const json_t *j)
{
    return text_of(j, JSON_COMPACT, 0);
}

char *json_text_indented(const json_t *j)
{
    char *p = text_of(j, JSON_INDENT(2), 1);

    if (p)
        p[strlen(p)] = '\n';
    return p;
}

/* jansson recurses once a level, and needs a hundred bytes and more for the smallest value: both
 * are counted on the text before it sees it. */
static int check_shape(const char *p, size_t n, struct shale_err *e)
{
    bool in_string = false;
    size_t depth = 0, n_values = 1;

    for (size_t i = 0; i < n; i++) {
        if (in_string) {
            if (p[i] == '\\')
                i++;
            else if (p[i] == '"')
                in_string = false;
        } else if (p[i] == '"') {
            in_string = true;
        } else if (p[i] == '{' || p[i] == '[') {
            if (++depth > JSON_MAX_DEPTH)
                return err_set(e, SHALE_LIMIT, "JSON nested deeper than %d levels", JSON_MAX_DEPTH);
        } else if ((p[i] == '}' || p[i] == ']') && depth > 0) {
            depth--;
        } else if (p[i] == ',' && ++n_values > JSON_MAX_VALUES) {
            return err_set(e, SHALE_LIMIT, "JSON with more than %d values", JSON_MAX_VALUES);
        }
    }
    return 0;
}

int json_parse(const void *p, size_t n, size_t max, json_t **ret, struct shale_err *e)
{
    json_error_t je;
    char text[2 * JSON_ERROR_TEXT_LENGTH];

    if (n > max)
        return err_set(e, SHALE_LIMIT, "JSON document of %zu bytes, at most %zu are accepted", n,
                       max);
    int r = check_shape(p, n, e);
    if (r < 0)
        return r;
    (void)pthread_once(&jansson.once, watch_jansson);
    if (mem_fails())
        return err_nomem(e);
    out_of_memory = false;
    reading = true;
    json_t *j = json_loadb(p, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
    reading = false;
    if (out_of_memory) {
        json_decref(j);
        return err_nomem(e);
    }
    if (!j)
        return err_set(e, SHALE_INVALID, "not valid JSON (line %d, column %d): %s", je.line,
                       je.column, str_printable(text, sizeof text, je.text));
    *ret = j;
    return 0;
}

/* ---- binding: one function a kind ---- */

typedef int (*bind_fn)(const json_t *v, void *out, struct arena *a);
enum { BIND_TYPE = -1000 }; /* "wrong type", turned into a message by the caller */

static int bind_str(const json_t *v, void *out, struct arena *a)
{
    if (!json_is_string(v))
        return BIND_TYPE;
    char *s = arena_strndup(a, json_string_value(v), json_string_length(v));
    if (!s)
        return -SHALE_NO_MEMORY;
    *(char **)out = s;
    return 0;
}

static int bind_u64(const json_t *v, void *out, struct arena *a)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return BIND_TYPE;
    *(uint64_t *)out = (uint64_t)json_integer_value(v);
    return 0;
}

static int bind_i64(const json_t *v, void *out, struct arena *a)
{
    if (!json_is_integer(v))
        return BIND_TYPE;
    *(int64_t *)out = json_integer_value(v);
    return 0;
}

static int bind_bool(const json_t *v, void *out, struct arena *a)
{
    if (!json_is_boolean(v))
        return BIND_TYPE;
    *(bool *)out = json_is_true(v);
    return 0;
}

static int bind_strv(const json_t *v, void *out, struct arena *a)
{
    struct strv s = {.set = true};
    size_t i;
    json_t *item;

    if (!json_is_array(v))
        return BIND_TYPE;
    s.v = arena_array(a, json_array_size(v) + 1, sizeof *s.v);
    if (!s.v)
        return -SHALE_NO_MEMORY;
    json_array_foreach(v, i, item)
    {
        int r = bind_str(item, &s.v[i], a);
        if (r < 0)
            return r;
    }
    s.n = json_array_size(v);
    *(struct strv *)out = s;
    return 0;
}

static int bind_strmap(const json_t *v, void *out, struct arena *a)
{
    struct strmap s = {.set = true};
    const char *key;
    json_t *item;

    if (!json_is_object(v))
        return BIND_TYPE;
    s.m = arena_array(a, json_object_size(v) + 1, sizeof *s.m);
    if (!s.m)
        return -SHALE_NO_MEMORY;
    json_object_foreach((json_t *)v, key, item)
    {
        int r = bind_str(item, &s.m[s.n].v, a);
        if (r < 0)
            return r;
        s.m[s.n].k = arena_strdup(a, key);
        if (!s.m[s.n].k)
            return -SHALE_NO_MEMORY;
        s.n++;
    }
    *(struct strmap *)out = s;
    return 0;
}

static int bind_set(const json_t *v, void *out, struct arena *a)
{
    struct strv s = {.set = true};
    const char *key;
    json_t *item;

    if (!json_is_object(v))
        return BIND_TYPE;
    s.v = arena_array(a, json_object_size(v) + 1, sizeof *s.v);
    if (!s.v)
        return -SHALE_NO_MEMORY;
    json_object_foreach((json_t *)v, key, item)
    {
        s.v[s.n] = arena_strdup(a, key);
        if (!s.v[s.n++])
            return -SHALE_NO_MEMORY;
    }
    *(struct strv *)out = s;
    return 0;
}

static int bind_object(const json_t *v, void *out, struct arena *a)
{
    if (!json_is_object(v))
        return BIND_TYPE;
    *(const json_t **)out = v;
    return 0;
}

static int bind_array(const json_t *v, void *out, struct arena *a)
{
    if (!json_is_array(v))
        return BIND_TYPE;
    *(const json_t **)out = v;
    return 0;
}

static const struct {
    bind_fn bind;
    const char *what;
} kinds[] = {
    [JB_STR] = {bind_str, "a string"},
    [JB_U64] = {bind_u64, "a number from 0 up"},
    [JB_I64] = {bind_i64, "a number"},
    [JB_BOOL] = {bind_bool, "true or false"},
    [JB_STRV] = {bind_strv, "an array of strings"},
    [JB_STRMAP] = {bind_strmap, "an object of strings"},
    [JB_SET] = {bind_set, "an object"},
    [JB_OBJECT] = {bind_object, "an object"},
    [JB_ARRAY] = {bind_array, "an array"},
};

int json_bind(const json_t *obj, const struct json_field *fields, size_t n_fields, void *out,
              struct arena *a, struct shale_err *e)
{
    if (!json_is_object(obj))
        return err_set(e, SHALE_INVALID, "not a JSON object");
    for (size_t i = 0; i < n_fields; i++) {
        const struct json_field *f = &fields[i];
        const json_t *v = json_object_get(obj, f->name);
        if (!v || json_is_null(v)) {
            if (f->flags & JB_REQUIRED)
                return err_set(e, SHALE_INVALID, "member \"%s\" is missing", f->name);
            continue;
        }
        int r = kinds[f->kind].bind(v, (char *)out + f->offset, a);
        if (r == BIND_TYPE)
            return err_set(e, SHALE_INVALID, "member \"%s\" is not %s", f->name,
                           kinds[f->kind].what);
        if (r < 0)
            return err_nomem(e);
    }
    return 0;
}

int json_no_string(const char *text, const char *what, struct shale_err *e)
{
    if (!text || str_is_utf8(text, strlen(text)))
        return err_nomem(e);
    return err_set(e, SHALE_INVALID, "%s is not valid UTF-8", what);
}

void strmap_put(struct strmap *m, char *k, char *v)
{
    size_t i = 0;

    while (i < m->n && !streq(m->m[i].k, k))
        i++;
    m->m[i].k = k;
    m->m[i].v = v;
    m->n += i == m->n;
}

const char *strmap_get(const struct strmap *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->m[i].k, key) == 0)
            return m->m[i].v;
    return NULL;
}

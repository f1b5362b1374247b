/* SPDX-License-Identifier: Apache-2.0 */
/* The query of a request, its filters, and headers that hold JSON. */
#include "api/query.h"

#include <stdlib.h>
#include <strings.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "http/wire.h"

/* ---- decoding ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Line ends may stand in values (comments, changes); NUL may not. */
static char *decode(struct str s, struct arena *a, bool *ret_bad)
{
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; out && i < s.n; i++) {
        int c = (unsigned char)s.p[i];
        if (c == '%') {
            int hi = s.n - i > 2 ? hex_value(s.p[i + 1]) : -1;
            int lo = s.n - i > 2 ? hex_value(s.p[i + 2]) : -1;
            c = hi < 0 || lo < 0 ? 0 : hi * 16 + lo;
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == 0) {
            *ret_bad = true;
            return NULL;
        }
        out[n++] = (char)c;
    }
    return out;
}

int api_query_parse(struct str s, struct arena *a, struct shale_kv **ret, size_t *ret_n,
                    struct shale_err *e)
{
    struct shale_kv *v = NULL;
    struct str piece;
    size_t n = 0, cap = 0;
    bool bad = false;

    while (str_split(&s, '&', &piece)) {
        if (piece.n == 0)
            continue;
        if (n == API_MAX_FIELDS)
            return err_set(e, SHALE_LIMIT, "query with more than %d fields", API_MAX_FIELDS);
        const char *eq = memchr(piece.p, '=', piece.n);
        size_t name_n = eq ? (size_t)(eq - piece.p) : piece.n;
        struct str value = eq ? (struct str){eq + 1, piece.n - name_n - 1} : STR("");
        v = arena_grow(a, v, n, &cap, sizeof *v);
        if (!v)
            return err_nomem(e);
        v[n].key = decode((struct str){piece.p, name_n}, a, &bad);
        v[n].value = v[n].key ? decode(value, a, &bad) : NULL;
        if (bad)
            return err_set(e, SHALE_INVALID, "the query cannot be decoded near \"%.*s\"",
                           piece.n < 60 ? (int)piece.n : 60, piece.p);
        if (!v[n].value)
            return err_nomem(e);
        n++;
    }
    *ret = v;
    *ret_n = n;
    return 0;
}

/* ---- fields ---- */

const char *api_query(const struct api_req *q, const char *name)
{
    for (size_t i = 0; i < q->n_query; i++)
        if (streq(q->query[i].key, name))
            return q->query[i].value;
    return NULL;
}

bool api_query_bool(const struct api_req *q, const char *name)
{
    return api_query_bool_or(q, name, false);
}

bool api_query_bool_or(const struct api_req *q, const char *name, bool absent)
{
    static const char *const no[] = {"", "0", "no", "false", "none"};
    const char *value = api_query(q, name);
    char text[8];

    if (!value)
        return absent;
    struct str s = str_trim(str_of(value));
    if (s.n >= sizeof text)
        return true;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        if (str_ieq(text, no[i]))
            return false;
    return true;
}

int api_query_i64(const struct api_req *q, const char *name, int64_t absent, int64_t *ret,
                  struct shale_err *e)
{
    const char *value = api_query(q, name);

    *ret = absent;
    if (!value || !*value || str_to_i64(value, ret))
        return 0;
    return err_set(e, SHALE_INVALID, "%s \"%.60s\" is no whole number", name, value);
}

const char *const *api_query_all(struct api_req *q, const char *name)
{
    const char **v = arena_array(q->arena, q->n_query + 1, sizeof *v);
    size_t n = 0;

    for (size_t i = 0; v && i < q->n_query; i++)
        if (streq(q->query[i].key, name))
            v[n++] = q->query[i].value;
    return v;
}

int api_query_time(const struct api_req *q, const char *name, int64_t absent, int64_t *ret_ns,
                   struct shale_err *e)
{
    const char *value = api_query(q, name);

    *ret_ns = absent;
    if (!value || !*value)
        return 0;
    int r = time_parse_filter(value, time_now_ns(), ret_ns, e);
    return r < 0 ? err_wrap(e, r, "%s", name) : 0;
}

/* ---- platforms: two ways to write one ---- */

static const char *text_member(const json_t *j, const char *name)
{
    const char *s = json_string_value(api_member(j, name));

    return s ? s : "";
}

int api_platform_of(struct api_req *q, const json_t *j, const char **ret, struct shale_err *e)
{
    const char *os = text_member(j, "os"), *arch = text_member(j, "architecture");
    const char *variant = text_member(j, "variant");

    if (!json_is_object(j) || !*os || !*arch)
        return err_set(e, SHALE_INVALID, "invalid platform: os and architecture are needed");
    *ret = arena_printf(q->arena, "%s/%s%s%s", os, arch, *variant ? "/" : "", variant);
    return *ret ? 0 : err_nomem(e);
}

int api_query_platform(struct api_req *q, const char *name, const char **ret, struct shale_err *e)
{
    const char *value = api_query(q, name);
    _cleanup_json_ json_t *j = NULL;

    *ret = NULL;
    if (!value || !*value)
        return 0;
    if (*value != '{') {
        *ret = value;
        return 0;
    }
    int r = json_parse(value, strlen(value), API_MAX_JSON, &j, e);
    return r < 0 ? err_wrap(e, r, "invalid platform") : api_platform_of(q, j, ret, e);
}

/* ---- filters ---- */

struct filters {
    struct arena *a;
    const char **v;
    size_t n, cap;
};

static int add_filter(struct filters *f, const char *key, const char *value, struct shale_err *e)
{
    f->v = arena_grow(f->a, f->v, f->n + 1, &f->cap, sizeof *f->v);
    char *text = f->v ? arena_printf(f->a, "%s=%s", key, value) : NULL;
    if (!text)
        return err_nomem(e);
    f->v[f->n++] = text;
    f->v[f->n] = NULL;
    return 0;
}

static int add_filters(struct filters *f, const char *key, json_t *values, struct shale_err *e)
{
    const char *name;
    json_t *v;
    size_t i;
    int r = 0;

    if (json_is_array(values)) {
        json_array_foreach(values, i, v)
        {
            if (r >= 0)
                r = json_is_string(v) ? add_filter(f, key, json_string_value(v), e)
                                      : err_set(e, SHALE_INVALID, "invalid filter '%.60s'", key);
        }
        return r;
    }
    if (!json_is_object(values))
        return err_set(e, SHALE_INVALID, "invalid filter '%.60s'", key);
    json_object_foreach(values, name, v)
    {
        if (r >= 0)
            r = json_is_boolean(v) ? add_filter(f, key, name, e)
                                   : err_set(e, SHALE_INVALID, "invalid filter '%.60s'", key);
    }
    return r;
}

int api_filters_parse(const char *text, struct arena *a, const char *const **ret,
                      struct shale_err *e)
{
    struct filters f = {.a = a, .v = arena_array(a, 1, sizeof *f.v)};
    _cleanup_json_ json_t *j = NULL;
    const char *key;
    json_t *values;
    int r = 0;

    if (!f.v)
        return err_nomem(e);
    if (text && *text) {
        r = json_parse(text, strlen(text), API_MAX_JSON, &j, e);
        if (r < 0)
            return err_wrap(e, r, "invalid filters");
        if (!json_is_object(j) && !json_is_null(j))
            return err_set(e, SHALE_INVALID, "invalid filters: no JSON object");
    }
    json_object_foreach(j, key, values)
    {
        if (r >= 0)
            r = add_filters(&f, key, values, e);
    }
    *ret = f.v;
    return r;
}

int api_query_filters(struct api_req *q, const char *const **ret, struct shale_err *e)
{
    return api_filters_parse(api_query(q, "filters"), q->arena, ret, e);
}

/* ---- headers ---- */

const char *api_header(const struct api_req *q, const char *name)
{
    return wire_head_get(q->w->head, name);
}

int api_header_json(struct api_req *q, const char *name, json_t **ret, struct shale_err *e)
{
    const char *value = api_header(q, name);
    char *text;

    *ret = NULL;
    if (!value || !*value)
        return 0;
    size_t n = strlen(value);
    text = arena_alloc(q->arena, n + 4);
    if (!text)
        return err_nomem(e);
    ssize_t k = base64_decode(strpbrk(value, "-_") ? BASE64_URL : 0, value, n, text);
    if (k < 0)
        k = base64_decode(BASE64_URL, value, n, text);
    if (k < 0)
        return err_set(e, SHALE_INVALID, "%s is not base64", name);
    int r = json_parse(text, (size_t)k, API_MAX_JSON, ret, e);
    return r < 0 ? err_wrap(e, r, "%s", name) : 0;
}

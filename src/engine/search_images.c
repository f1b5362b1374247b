/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/search.h>: images by what is known of them. */
#include <inttypes.h>
#include <shale/search.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "engine/engine_priv.h"
#include "http/query.h"
#include "remote/search.h"

#define MAX_PATH_BYTES (64u << 10)
#define LIMIT_MAX      1000

/* ---- the question ---- */

static int add_criteria(struct buf *b, const char *const *v, struct shale_err *e)
{
    for (; v && *v; v++) {
        const char *eq = strchr(*v, '=');
        if (!eq)
            return err_set(e, SHALE_INVALID, "FIELD=VALUE is expected, not %s", *v);
        buf_addf(b, "&%.*s=", (int)(eq - *v), *v);
        http_percent_encode(b, eq + 1, "");
    }
    return 0;
}

static int make_path(const char *term, const struct shale_find_opts *o, struct buf *b,
                     struct shale_err *e)
{
    uint32_t n = o->limit ? o->limit : SHALE_SEARCH_LIMIT;

    if (n > LIMIT_MAX)
        return err_set(e, SHALE_INVALID, "limit %" PRIu32 " is outside the range of [1, %d]", n,
                       LIMIT_MAX);
    buf_addf(b, "search?n=%" PRIu32 "&page=%" PRIu32, n, o->page ? o->page : 1);
    if (*term) {
        buf_adds(b, "&q=");
        http_percent_encode(b, term, "");
    }
    int r = add_criteria(b, o->criteria, e);
    return r < 0 ? r : buf_check(b, e);
}

static int ask(struct shale *s, const char *where, const struct shale_find_opts *o, struct arena *a,
               json_t **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf path = BUF_INIT(MAX_PATH_BYTES);
    const char *domain, *term, *whole = strchr(where, '/') ? where : arena_printf(a, "%s/", where);
    struct image_host h;
    int r = whole ? remote_search_split(whole, a, &domain, &term, e) : err_nomem(e);

    if (r < 0)
        return r;
    if (streq(domain, REMOTE_SEARCH_HUB))
        return err_set(e, SHALE_INVALID,
                       "Docker Hub can be searched by name only: say which registry of shale's, as "
                       "HOST[:PORT] or HOST[:PORT]/TERM");
    r = make_path(term, o, &path, e);
    if (r >= 0)
        r = engine_remote_host(s, &h, e);
    return r < 0 ? r : remote_search(h.remote, domain, "shale/v1/", path.p, a, ret, h.cancel, e);
}

/* ---- the answer ---- */

struct image_fields {
    struct shale_found_image x;
    struct strv tags;
    const char *created;
    const json_t *matches;
};
#define F(field) offsetof(struct image_fields, field)
static const struct json_field image_fields[] = {
    {"name", JB_STR, F(x.name), JB_REQUIRED},
    {"tags", JB_STRV, F(tags), 0},
    {"digest", JB_STR, F(x.digest), JB_REQUIRED},
    {"media_type", JB_STR, F(x.media_type), 0},
    {"os", JB_STR, F(x.os), 0},
    {"architecture", JB_STR, F(x.arch), 0},
    {"variant", JB_STR, F(x.variant), 0},
    {"created", JB_STR, F(created), 0},
    {"size", JB_U64, F(x.size_bytes), 0},
    {"matches", JB_ARRAY, F(matches), 0},
};
#undef F
struct match_fields {
    struct shale_match x;
    const char *what;
};
#define F(field) offsetof(struct match_fields, field)
static const struct json_field match_fields[] = {
    {"what", JB_STR, F(what), JB_REQUIRED}, {"path", JB_STR, F(x.path), 0},
    {"type", JB_STR, F(x.type), 0},         {"sha256", JB_STR, F(x.sha256), 0},
    {"size", JB_U64, F(x.size_bytes), 0},   {"name", JB_STR, F(x.name), 0},
    {"version", JB_STR, F(x.version), 0},   {"architecture", JB_STR, F(x.arch), 0},
    {"layer", JB_STR, F(x.layer), 0},
};
#undef F

/* Texts that are not there are empty. */
static void fill(const struct json_field *fields, size_t n, void *out)
{
    for (size_t i = 0; i < n; i++) {
        const char **p = (const char **)(void *)((char *)out + fields[i].offset);
        if (fields[i].kind == JB_STR && !*p)
            *p = "";
    }
}

static int read_matches(const json_t *j, struct shale_found_image *ret, struct arena *a,
                        struct shale_err *e)
{
    size_t n = json_array_size(j);
    struct shale_match *v = arena_array(a, n + 1, sizeof *v);

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        struct match_fields f = {0};
        int r = json_bind(json_array_get(j, i), match_fields, ARRAY_SIZE(match_fields), &f, a, e);
        if (r < 0)
            return r;
        fill(match_fields, ARRAY_SIZE(match_fields), &f);
        f.x.kind = streq(f.what, "package") ? SHALE_MATCH_PACKAGE : SHALE_MATCH_FILE;
        v[i] = f.x;
    }
    ret->matches = v;
    ret->n_matches = n;
    return 0;
}

static int read_image(const json_t *j, struct arena *a, struct shale_found_image *ret,
                      struct shale_err *e)
{
    struct image_fields f = {0};
    int r = json_bind(j, image_fields, ARRAY_SIZE(image_fields), &f, a, e);

    if (r < 0)
        return r;
    if (f.created && time_parse_rfc3339(f.created, &f.x.created_ns, NULL) < 0)
        f.x.created_ns = 0;
    fill(image_fields, ARRAY_SIZE(image_fields), &f);
    f.x.tags = (const char *const *)f.tags.v;
    f.x.n_tags = f.tags.n;
    r = read_matches(f.matches, &f.x, a, e);
    *ret = f.x;
    return r;
}

static int read_answer(const json_t *j, struct arena *a, struct shale_found_list *ret,
                       struct shale_err *e)
{
    const json_t *results = json_object_get(j, "results");
    size_t n = json_array_size(results);
    struct shale_found_image *v = arena_array(a, n + 1, sizeof *v);
    json_int_t pending = json_integer_value(json_object_get(j, "pending"));

    if (!v)
        return err_nomem(e);
    if (!json_is_array(results))
        return err_set(e, SHALE_UNSUPPORTED, "the answer to the search has no results");
    for (size_t i = 0; i < n; i++) {
        int r = read_image(json_array_get(results, i), a, &v[i], e);
        if (r < 0)
            return err_wrap(e, r, "answer to the search");
    }
    *ret = (struct shale_found_list){
        .items = v,
        .n_items = n,
        .more = json_is_true(json_object_get(j, "more")),
        .n_pending = pending > 0 ? (uint64_t)pending : 0,
    };
    return 0;
}

int shale_find(struct shale *s, const char *where, const struct shale_find_opts *opts,
               struct shale_found_list **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;
    struct shale_find_opts o;
    struct arena *a;
    struct shale_found_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    int r = ask(s, where, &o, a, &j, e);
    if (r >= 0)
        r = read_answer(j, a, res, e);
    return result_end(r, res, ret);
}

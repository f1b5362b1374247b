/* SPDX-License-Identifier: Apache-2.0 */
/* <shale/search.h> */
#include <shale/search.h>

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/engine_priv.h"
#include "http/query.h"
#include "remote/search.h"

#define MAX_PATH_BYTES (64u << 10)

/* ---- filters: docker's ---- */

struct wanted {
    int official, automated; /* -1: no matter */
    uint64_t stars;
};

static bool parse_bool(const char *s, int *ret)
{
    static const char *const words[] = {"false", "0", "true", "1"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_ieq(s, words[i]))
            *ret = i >= 2;
    return *ret >= 0;
}

static int read_filters(const char *const *filters, struct wanted *ret, struct shale_err *e)
{
    *ret = (struct wanted){.official = -1, .automated = -1};
    for (; filters && *filters; filters++) {
        const char *eq = strchr(*filters, '='), *value = eq ? eq + 1 : "";
        size_t n = eq ? (size_t)(eq - *filters) : strlen(*filters);
        struct str name = {*filters, n};
        uint64_t stars;
        bool good = true;
        if (str_eq(name, STR("is-official")))
            good = parse_bool(value, &ret->official);
        else if (str_eq(name, STR("is-automated")))
            good = parse_bool(value, &ret->automated);
        else if (str_eq(name, STR("stars"))) {
            good = str_to_u64(value, &stars);
            ret->stars = good && stars > ret->stars ? stars : ret->stars;
        } else {
            return err_set(e, SHALE_INVALID, "invalid filter '%.*s'", (int)n, *filters);
        }
        if (!good)
            return err_set(e, SHALE_INVALID, "invalid filter '%s'", *filters);
    }
    return 0;
}

static bool is_wanted(const struct wanted *w, const struct shale_repository *x)
{
    if (w->official >= 0 && (w->official == 1) != x->official)
        return false;
    /* Nothing is automated any more, as docker says. */
    return w->automated != 1 && (x->stars >= 0 ? (uint64_t)x->stars : 0) >= w->stars;
}

/* ---- the answer ---- */

static const struct json_field fields[] = {
    {"name", JB_STR, offsetof(struct shale_repository, name), JB_REQUIRED},
    {"description", JB_STR, offsetof(struct shale_repository, description), 0},
    {"star_count", JB_I64, offsetof(struct shale_repository, stars), 0},
    {"is_official", JB_BOOL, offsetof(struct shale_repository, official), 0},
};

static int read_answer(const json_t *j, const struct wanted *w, size_t limit, struct arena *a,
                       struct shale_repository_list *ret, struct shale_err *e)
{
    const json_t *results = json_object_get(j, "results");
    size_t n = json_array_size(results);
    struct shale_repository *v = arena_array(a, n + 1, sizeof *v);

    if (!v)
        return err_nomem(e);
    if (!json_is_array(results))
        return err_set(e, SHALE_UNSUPPORTED, "the answer to the search has no results");
    for (size_t i = 0; i < n && ret->n_items < limit; i++) {
        struct shale_repository *x = &v[ret->n_items];
        int r = json_bind(json_array_get(results, i), fields, ARRAY_SIZE(fields), x, a, e);
        if (r < 0)
            return err_wrap(e, r, "answer to the search");
        if (!x->description)
            x->description = "";
        ret->n_items += is_wanted(w, x);
    }
    ret->items = v;
    return 0;
}

static int ask(struct shale *s, const char *term, uint32_t limit, struct arena *a, json_t **ret,
               struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf path = BUF_INIT(MAX_PATH_BYTES);
    const char *domain, *name;
    struct image_host h;
    int r = remote_search_split(term, a, &domain, &name, e);

    if (r < 0)
        return r;
    buf_adds(&path, "search?q=");
    http_percent_encode(&path, name, "");
    buf_addf(&path, "&n=%" PRIu32, limit);
    r = buf_check(&path, e);
    if (r >= 0)
        r = engine_remote_host(s, &h, e);
    return r < 0 ? r : remote_search(h.remote, domain, "v1/", path.p, a, ret, h.cancel, e);
}

int shale_search(struct shale *s, const char *term, const struct shale_search_opts *opts,
                 struct shale_repository_list **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;
    struct shale_search_opts o;
    struct wanted w;
    struct arena *a;
    struct shale_repository_list *res = result_new(sizeof *res, &a);

    if (!res)
        return err_nomem(e);
    engine_take_opts(&o, sizeof o, opts);
    uint32_t limit = o.limit ? o.limit : SHALE_SEARCH_LIMIT;
    int r = read_filters(o.filters, &w, e);
    if (r >= 0 && limit > SHALE_SEARCH_LIMIT_MAX)
        r = err_set(e, SHALE_INVALID, "limit %" PRIu32 " is outside the range of [1, %d]", limit,
                    SHALE_SEARCH_LIMIT_MAX);
    if (r >= 0)
        r = ask(s, term, limit, a, &j, e);
    if (r >= 0)
        r = read_answer(j, &w, limit, a, res, e);
    return result_end(r, res, ret);
}

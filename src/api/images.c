/* SPDX-License-Identifier: Apache-2.0 */
/* /images: what is here, looked at, named and removed. What moves images is in image_move.c. */
#include "api/images.h"

#include <shale/df.h>
#include <shale/image.h>
#include <shale/manifest.h>
#include <shale/prune.h>
#include <shale/search.h>

#include "api/daemon.h"
#include "api/pairs.h"
#include "api/registry_auth.h"
#include "base/str.h"
#include "view/api_images.h"

/* ---- list ---- */

/* What one image shares with others, from the images of shale_df, which come in the same order:
 * `at` is where the last one was. */
static int64_t shared_of(const struct shale_df *df, const struct shale_image *i, size_t *at)
{
    for (size_t n = 0; df && n < df->n_images; n++) {
        const struct shale_df_image *x = &df->images[(*at + n) % df->n_images];
        if (!streq(x->image.id, i->id))
            continue;
        *at = (*at + n + 1) % df->n_images;
        return (int64_t)(x->image.size_bytes - x->unique_bytes);
    }
    return -1;
}

struct listing {
    struct shale_images_opts o;
    bool manifests, shared;
    const struct shale_df *df; /* of `shared` */
    size_t at;
    struct json_put w;
};

static int put_image(struct api_req *q, struct listing *l, const struct shale_image *i,
                     struct shale_err *e)
{
    _cleanup_result_ struct shale_platform_list *platforms = NULL;
    struct api_image x = {.image = i, .shared_bytes = shared_of(l->df, i, &l->at)};
    int r = l->manifests && *i->target ? shale_image_platforms(q->s, i->target, &platforms, e) : 0;
    x.platforms = platforms;
    return r < 0 ? r : api_put_image_summary(&l->w, &x, q->version, e);
}

static int put_images(struct api_req *q, struct listing *x, struct shale_err *e)
{
    _cleanup_result_ struct shale_image_list *l = NULL;
    _cleanup_result_ struct shale_df *df = NULL;
    const struct shale_df_opts d = {.size = sizeof d, .what = SHALE_DF_IMAGES};
    int r = shale_images(q->s, &x->o, &l, e);
    if (r >= 0 && x->shared)
        r = shale_df(q->s, &d, &df, e);
    x->df = df;
    json_put_open(&x->w, NULL, '[');
    for (size_t i = 0; r >= 0 && i < l->n_items; i++)
        r = put_image(q, x, &l->items[i], e);
    json_put_close(&x->w, ']');
    return r;
}

/* The whole list, or all images: what clients ask for again and again. */
static int list_kept(struct api_req *q, struct listing *x, struct shale_err *e)
{
    struct shale_state at;
    char key[KEPT_KEY_BYTES];
    int r = shale_state(q->s, &at, e);
    if (r < 0)
        return r;
    snprintf(key, sizeof key, "images %d %d", q->version, x->o.all);
    struct kept_answer *k = kept_get(q->d->kept, key, &at, 0);
    if (!k) {
        r = put_images(q, x, e);
        if (r < 0)
            return r;
        buf_addc(x->w.b, '\n');
        k = kept_put(q->d->kept, key, &at, x->w.b, NULL, 0);
    }
    r = k ? api_reply_kept(q, k) : err_nomem(e);
    kept_unref(k);
    return r;
}

static int list(struct api_req *q, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(API_MAX_DOC);
    struct listing x = {
        .o = {.size = sizeof x.o, .all = api_query_bool(q, "all")},
        .manifests = q->version >= 147 && api_query_bool(q, "manifests"),
        .shared = q->version >= 142 && api_query_bool(q, "shared-size"),
        .w = {.b = &b, .flags = JSON_OUT_HTML},
    };
    int r = api_query_filters(q, &x.o.filters, e);
    if (q->version < 141) /* a reference, before there was a filter for it */
        x.o.match = api_text(api_query(q, "filter"));
    if (r < 0)
        return r;
    if (!x.o.match && (!x.o.filters || !*x.o.filters) && !x.manifests && !x.shared)
        return list_kept(q, &x, e);
    r = put_images(q, &x, e);
    return r < 0 ? r : api_reply_text(q, 200, &b);
}

/* ---- one ---- */

static int inspect(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_image_detail *d = NULL;
    _cleanup_result_ struct shale_platform_list *platforms = NULL;
    bool manifests = q->version >= 148 && api_query_bool(q, "manifests");
    const char *platform = NULL;
    json_t *doc = NULL;
    int r = q->version >= 149 ? api_query_platform(q, "platform", &platform, e) : 0;
    if (r >= 0 && manifests && platform)
        r = err_set(e, SHALE_INVALID,
                    "conflicting options: manifests and platform options cannot both be set");
    if (r >= 0)
        r = shale_image_inspect(q->s, q->args[0], platform, &d, e);
    if (r >= 0 && manifests && *d->target_digest)
        r = shale_image_platforms(q->s, d->target_digest, &platforms, e);
    if (r >= 0)
        r = api_doc_image(d, platforms, q->version, &doc, e);
    return r < 0 ? r : api_reply_json(q, 200, doc);
}

static int history(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_history *h = NULL;
    const char *platform = NULL;
    json_t *doc = NULL;
    int r = q->version >= 148 ? api_query_platform(q, "platform", &platform, e) : 0;
    if (r >= 0)
        r = shale_history(q->s, q->args[0], platform, &h, e);
    if (r >= 0)
        r = api_doc_history(h, &doc, e);
    return r < 0 ? r : api_reply_json(q, 200, doc);
}

/* ---- names ---- */

static int tag(struct api_req *q, struct shale_err *e)
{
    const char *repo = api_query(q, "repo"), *name = api_text(api_query(q, "tag"));
    if (!api_text(repo))
        return err_set(e, SHALE_INVALID, "invalid reference format: no \"repo\" was given");
    const char *target = name ? arena_printf(q->arena, "%s:%s", repo, name) : repo;
    int r = target ? shale_tag(q->s, q->args[0], target, e) : err_nomem(e);
    return r < 0 ? r : api_reply_empty(q, 201);
}

static int remove_one(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_rmi_result *res = NULL;
    struct shale_rmi_opts o = {
        .size = sizeof o,
        .force = api_query_bool(q, "force"),
        .no_prune = api_query_bool(q, "noprune"),
    };
    json_t *doc = NULL;
    int r = q->version >= 150 ? api_query_platform(q, "platforms", &o.platform, e) : 0;
    if (r >= 0)
        r = shale_rmi(q->s, q->args[0], &o, &res, e);
    if (r >= 0)
        r = api_doc_removed(res, &doc, e);
    return r < 0 ? r : api_reply_json(q, 200, doc);
}

/* docker's word for "with names, too" is dangling=false, and only here its absence means true. */
static int prune(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_rmi_result *res = NULL;
    struct shale_image_prune_opts o = {.size = sizeof o};
    json_t *doc = NULL;
    int r = api_query_filters(q, &o.filters, e);
    if (r >= 0)
        r = shale_image_prune(q->s, &o, &res, e);
    if (r >= 0)
        r = api_doc_pruned(res, &doc, e);
    return r < 0 ? r : api_reply_json(q, 200, doc);
}

/* ---- registries ---- */

static int search(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_repository_list *l = NULL;
    struct shale_search_opts o = {.size = sizeof o};
    const char *term = api_query(q, "term");
    json_t *doc = NULL;
    int64_t limit = 0;
    int r = api_query_i64(q, "limit", 0, &limit, e);
    if (r >= 0 && (limit < 0 || limit > SHALE_SEARCH_LIMIT_MAX))
        r = err_set(e, SHALE_INVALID, "limit %lld is outside the range of [1, %d]",
                    (long long)limit, SHALE_SEARCH_LIMIT_MAX);
    o.limit = (uint32_t)limit;
    if (r >= 0)
        r = api_query_filters(q, &o.filters, e);
    if (r >= 0)
        r = api_use_search_auth(q, term ? term : "", e);
    if (r >= 0)
        r = shale_search(q->s, term ? term : "", &o, &l, e);
    if (r == -SHALE_UNAUTHORIZED || r == -SHALE_DENIED)
        api_fail_as(q, 500); /* 401 would have the client ask for a password */
    if (r >= 0)
        r = api_doc_search(l, &doc, e);
    return r < 0 ? r : api_reply_json(q, 200, doc);
}

static int distribution(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_manifest *m = NULL;
    _cleanup_result_ struct shale_list *one = NULL; /* a manifest says nothing of its platform */
    json_t *doc = NULL;
    int r = api_use_registry_auth(q, q->args[0], e);
    if (r >= 0)
        r = shale_manifest_get(q->s, q->args[0], &m, e);
    if (r >= 0 && !m->is_list)
        r = shale_manifest_members(q->s, q->args[0], &one, e);
    if (r >= 0)
        r = api_doc_distribution(m, one, &doc, e);
    return r < 0 ? r : api_reply_json(q, 200, doc);
}

const struct api_route api_routes_images[] = {
    {"GET", "/images/json", 0, API_BODY_NONE, list},
    {"POST", "/images/create", 0, API_BODY_RAW | API_LONG, api_image_create},
    {"POST", "/images/load", 0, API_BODY_RAW | API_LONG, api_image_load},
    {"GET", "/images/get", 0, API_LONG, api_image_get},
    {"GET", "/images/search", 0, API_LONG, search},
    {"POST", "/images/prune", 125, API_BODY_NONE, prune},
    {"GET", "/images/{*}/json", 0, API_BODY_NONE, inspect},
    {"GET", "/images/{*}/history", 0, API_BODY_NONE, history},
    {"GET", "/images/{*}/get", 0, API_LONG, api_image_get},
    {"POST", "/images/{*}/push", 0, API_LONG, api_image_push},
    {"POST", "/images/{*}/tag", 0, API_BODY_NONE, tag},
    {"DELETE", "/images/{*}", 0, API_BODY_NONE, remove_one},
    {"GET", "/distribution/{*}/json", 130, API_LONG, distribution},
    {NULL},
};

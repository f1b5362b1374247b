/* SPDX-License-Identifier: Apache-2.0 */
/* Making containers, and looking at them. */
#include <shale/changes.h>
#include <shale/life.h>
#include <shale/image.h>

#include "api/create_body.h"
#include "api/daemon.h"
#include "api/life.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "model/config_merge.h"
#include "model/ref.h"
#include "view/api_containers.h"
#include "view/doc.h"

#define PS_ARGS_MAX 64

/* ---- making ---- */

/* 404 makes clients pull the image: it is said of nothing else, and in these words. */
static int no_image(struct api_req *q, const struct shale_create_opts *o, struct shale_err *e)
{
    struct shale_image_detail *image = NULL;
    struct ref ref;
    int r = shale_image_inspect(q->s, o->image, o->platform, &image, NULL);

    shale_free(image);
    if (r != -SHALE_NOT_FOUND)
        return api_fail(q, 400, e, "%s", e->msg);
    const char *shown = o->image;
    if (ref_parse(o->image, q->arena, &ref, NULL) == 0) {
        ref_default_tag(&ref);
        shown = ref_familiar(&ref, q->arena);
    }
    return api_fail(q, 404, e, "No such image: %.400s", shown ? shown : o->image);
}

static json_t *warnings_of(const struct shale_created *c)
{
    json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0; c->warnings && c->warnings[i]; i++)
        bad |= json_array_append_new(list, doc_string(c->warnings[i]));
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static int create(struct api_req *q, struct shale_err *e)
{
    struct shale_create_opts o;
    struct shale_created *made = NULL;
    int r = create_body_take(q, q->body, &o, e);

    if (r >= 0)
        r = api_query_platform(q, "platform", &o.platform, e);
    if (r < 0)
        return r;
    o.name = api_query(q, "name");
    r = shale_create(q->s, &o, &made, e);
    if (r == -SHALE_NOT_FOUND)
        return no_image(q, &o, e);
    if (r < 0)
        return r;
    json_t *doc = json_pack("{s:s, s:o}", "Id", made->id, "Warnings", warnings_of(made));
    shale_free(made);
    return api_reply_json(q, 201, doc);
}

/* docker's Config, its members under the names they have. *ret stays NULL where there is none. */
static int commit_config(struct api_req *q, char **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *config = json_object();
    int bad = !config;

    for (size_t i = 0; config_member(i); i++) {
        json_t *v = q->body ? api_member(q->body, config_member(i)) : NULL;
        if (v)
            bad |= json_object_set(config, config_member(i), v);
    }
    if (bad)
        return err_nomem(e);
    if (json_object_size(config) > 0 && !(*ret = json_text(config)))
        return err_nomem(e);
    return 0;
}

static int commit(struct api_req *q, struct shale_err *e)
{
    const char *container = api_query(q, "container"), *repo = api_query(q, "repo");
    const char *tag = api_query(q, "tag");
    _cleanup_free_ char *config = NULL;
    struct shale_committed *made = NULL;
    struct shale_commit_opts o = {.size = sizeof o,
                                  .author = api_query(q, "author"),
                                  .message = api_query(q, "comment"),
                                  .changes = api_query_all(q, "changes"),
                                  .no_pause = !api_query_bool_or(q, "pause", true)};

    if (!container)
        return err_set(e, SHALE_INVALID, "the query names no container");
    if (repo && *repo)
        o.name = tag && *tag ? arena_printf(q->arena, "%s:%s", repo, tag) : repo;
    if (!o.changes || (repo && *repo && !o.name))
        return err_nomem(e);
    int r = commit_config(q, &config, e);
    o.config_json = config;
    if (r >= 0)
        r = shale_commit(q->s, container, &o, &made, e);
    if (r < 0)
        return r;
    json_t *doc = json_pack("{s:s}", "Id", made->id);
    shale_free(made);
    return api_reply_json(q, 201, doc);
}

/* ---- looking ---- */

/* Asks, and keeps the answer. */
static int list_anew(struct api_req *q, const struct shale_ps_opts *o, const char *key,
                     const struct shale_state *at, int64_t now_ns, struct kept_answer **ret,
                     struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(API_MAX_DOC);
    struct json_put w = {.b = &b, .flags = JSON_OUT_HTML};
    struct shale_container_list *l = NULL;
    int r = shale_ps(q->s, o, &l, e);

    if (r >= 0)
        r = view_api_put_containers(&w, NULL, l->items, l->n_items, now_ns, e);
    if (r < 0) {
        shale_free(l);
        return r;
    }
    buf_addc(&b, '\n');
    *ret = kept_put(q->d->kept, key, at, &b, l, now_ns);
    return *ret ? 0 : err_nomem(e);
}

static int list(struct api_req *q, struct shale_err *e)
{
    struct shale_ps_opts o = {.size = sizeof o,
                              .all = api_query_bool(q, "all"),
                              .with_size = api_query_bool(q, "size"),
                              .brief = true};
    struct shale_state at;
    struct kept_answer *k = NULL;
    int64_t now_ns = time_now_ns();
    char key[KEPT_KEY_BYTES];
    int r = api_query_i64(q, "limit", 0, &o.last, e);

    if (o.last < 0)
        o.last = 0;
    if (r >= 0)
        r = api_query_filters(q, &o.filters, e);
    if (r >= 0)
        r = shale_state(q->s, &at, e);
    if (r < 0)
        return r;
    bool plain = !o.with_size && (!o.filters || !*o.filters);
    snprintf(key, sizeof key, "containers %d %lld", o.all, (long long)o.last);
    o.watch = plain; /* what is not kept is not asked again */
    if (plain)
        k = kept_get(q->d->kept, key, &at, now_ns);
    if (!k)
        r = list_anew(q, &o, plain ? key : NULL, &at, now_ns, &k, e);
    if (r >= 0)
        r = api_reply_kept(q, k);
    kept_unref(k);
    return r;
}

static int inspect(struct api_req *q, struct shale_err *e)
{
    struct shale_container *c = NULL;
    json_t *doc = NULL;
    int r = shale_container_inspect(q->s, q->args[0], api_query_bool(q, "size"), &c, e);

    if (r >= 0)
        r = view_api_container(c, q->version, &doc, e);
    shale_free(c);
    return r < 0 ? r : api_reply_json(q, 200, doc);
}

/* "ps_args" at its blanks. */
static int ps_args(struct api_req *q, const char **ret, struct shale_err *e)
{
    const char *text = api_query(q, "ps_args");
    struct str rest = str_of(text ? text : ""), word;
    size_t n = 0;

    while (rest.n > 0 && str_split(&rest, ' ', &word)) {
        if (word.n == 0)
            continue;
        if (n == PS_ARGS_MAX)
            return err_set(e, SHALE_LIMIT, "more than %d arguments of ps", PS_ARGS_MAX);
        ret[n] = arena_strndup(q->arena, word.p, word.n);
        if (!ret[n++])
            return err_nomem(e);
    }
    ret[n] = NULL;
    return 0;
}

static int top(struct api_req *q, struct shale_err *e)
{
    const char *args[PS_ARGS_MAX + 1];
    struct shale_top *t = NULL;
    int r = ps_args(q, args, e);

    if (r >= 0)
        r = shale_top(q->s, q->args[0], args, &t, e);
    if (r < 0)
        return r;
    json_t *doc = view_api_top(t);
    shale_free(t);
    return api_reply_json(q, 200, doc);
}

static int changes(struct api_req *q, struct shale_err *e)
{
    struct shale_change_list *l = NULL;
    int r = shale_diff(q->s, q->args[0], &l, e);

    if (r < 0)
        return r;
    json_t *doc = view_api_changes(l);
    shale_free(l);
    return api_reply_json(q, 200, doc);
}

static int prune(struct api_req *q, struct shale_err *e)
{
    struct shale_container_prune_opts o = {.size = sizeof o};
    struct shale_container_pruned *p = NULL;
    int r = api_query_filters(q, &o.filters, e);

    if (r >= 0)
        r = shale_container_prune(q->s, &o, &p, e);
    if (r < 0)
        return r;
    json_t *doc = view_api_pruned(p);
    shale_free(p);
    return api_reply_json(q, 200, doc);
}

const struct api_route api_routes_containers[] = {
    {"POST", "/containers/create", 0, API_BODY_JSON_MUST, create},
    {"POST", "/containers/prune", 125, API_BODY_NONE, prune},
    {"GET", "/containers/json", 0, API_BODY_NONE, list},
    {"GET", "/containers/{}/json", 0, API_BODY_NONE, inspect},
    {"GET", "/containers/{}/top", 0, API_BODY_NONE, top},
    {"GET", "/containers/{}/changes", 0, API_BODY_NONE, changes},
    {"POST", "/containers/{}/start", 0, API_BODY_NONE, life_start},
    {"POST", "/containers/{}/stop", 0, API_BODY_NONE, life_stop},
    {"POST", "/containers/{}/restart", 0, API_BODY_NONE, life_restart},
    {"POST", "/containers/{}/kill", 0, API_BODY_NONE, life_kill},
    {"POST", "/containers/{}/pause", 0, API_BODY_NONE, life_pause},
    {"POST", "/containers/{}/unpause", 0, API_BODY_NONE, life_unpause},
    {"POST", "/containers/{}/rename", 0, API_BODY_NONE, life_rename},
    {"POST", "/containers/{}/update", 0, API_BODY_JSON_MUST, life_update},
    {"POST", "/containers/{}/resize", 0, API_BODY_NONE, life_resize},
    {"DELETE", "/containers/{}", 0, API_BODY_NONE, life_remove},
    {"POST", "/commit", 0, API_BODY_JSON, commit},
    {0},
};

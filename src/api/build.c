/* SPDX-License-Identifier: Apache-2.0 */
/* POST /build, the way of docker's classic builder: the context is a tar in the body. What BuildKit
 * says beside it (a session) is refused, so that clients take this way. */
#include <shale/build.h>

#include "api/bodies.h"
#include "api/create_lists.h"
#include "api/pairs.h"
#include "api/registry_auth.h"
#include "base/str.h"
#include "view/api_build.h"

/* ---- the query ---- */

/* As in the body of a container; what is said wrong of them is a mistake of the client. */
static int take_ulimits(struct api_req *q, const char *const **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *list = NULL;
    const char *text = api_text(api_query(q, "ulimits"));
    int r = text ? json_parse(text, strlen(text), API_MAX_JSON, &list, e) : 0;
    if (r < 0)
        return err_wrap(e, r, "ulimits");
    return body_ulimits(q, list, ret, e);
}

/* Where the context is: in the body, or at a URL. A folder of the daemon's host is none. */
static int take_context(struct api_req *q, struct shale_build_opts *o, struct shale_err *e)
{
    static const char *const prefixes[] = {"http://", "https://", "git://",
                                           "ssh://",  "git@",     "github.com/"};
    const char *remote = api_text(api_query(q, "remote"));
    o->context = remote && !streq(remote, "client-session") ? remote : "-";
    if (streq(o->context, "-"))
        return api_body_fd(q, &o->input_fd, e);
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (str_has_prefix(remote, prefixes[i]))
            return 0;
    return err_set(e, SHALE_INVALID, "remote context could not be read: \"%.200s\" is no URL",
                   remote);
}

static int take_numbers(struct api_req *q, struct shale_build_opts *o, struct shale_err *e)
{
    int r = api_query_i64(q, "memory", 0, &o->memory_bytes, e);
    return r < 0 ? r : api_query_i64(q, "shmsize", 0, &o->shm_bytes, e);
}

int query_build(struct api_req *q, struct shale_build_opts *o, struct shale_err *e)
{
    const char *version = api_query(q, "version"), *file = api_text(api_query(q, "dockerfile"));
    if (streq(version, "2"))
        return err_set(e, SHALE_UNSUPPORTED,
                       "BuildKit is not served: build without it (DOCKER_BUILDKIT=0)");
    if (streq(file, "-"))
        return err_set(e, SHALE_INVALID, "dockerfile: \"-\" is no name of a file of the context");
    o->dockerfile = streq(file, "Dockerfile") ? NULL : file;
    o->tags = api_query_all(q, "t");
    o->hosts = api_query_all(q, "extrahosts");
    o->target = api_text(api_query(q, "target"));
    o->no_cache = api_query_bool(q, "nocache");
    o->pull = api_query_bool(q, "pull");
    o->squash = api_query_bool(q, "squash");
    o->cgroup_parent = api_text(api_query(q, "cgroupparent"));
    o->network = api_text(api_query(q, "networkmode"));
    if (!o->tags || !o->hosts)
        return err_nomem(e);
    int r = api_query_pairs(q, "buildargs", &o->build_args, e);
    if (r >= 0)
        r = api_query_pairs(q, "labels", &o->labels, e);
    if (r >= 0)
        r = api_query_platform(q, "platform", &o->platform, e);
    if (r >= 0)
        r = take_ulimits(q, &o->ulimits, e);
    return r < 0 ? r : take_numbers(q, o, e);
}

/* ---- the answer ---- */

static void write_lines(void *arg, const char *p, size_t n)
{
    struct api_req *q = arg;
    if (!api_stream_begun(q) && api_stream_begin(q, 200, "application/json") < 0)
        return; /* nobody listens; the handle is cancelled by then */
    (void)api_stream_write(q, p, n);
}

static int build(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_built *built = NULL;
    struct shale_build_opts o = {.size = sizeof o};
    struct api_build *v;
    int r = query_build(q, &o, e);
    if (r >= 0)
        r = api_use_registry_config(q, e);
    if (r >= 0)
        r = take_context(q, &o, e);
    if (r >= 0)
        r = api_build_new(api_query_bool(q, "q"), write_lines, q, &v, e);
    if (r < 0)
        return r;
    o.on_event = api_build_event;
    o.arg = v;
    r = shale_build(q->s, &o, &built, e);
    if (r >= 0)
        api_build_done(v, built);
    else if (api_stream_begun(q))
        api_build_failed(v, e);
    api_build_free(v);
    return r >= 0 || api_stream_begun(q) ? 0 : r;
}

/* ---- the cache ---- */

static int prune(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_build_pruned *p = NULL;
    struct shale_build_prune_opts o = {.size = sizeof o, .all = api_query_bool(q, "all")};
    const char *keep = api_query(q, "reserved-space") ? "reserved-space" : "keep-storage";
    int64_t bytes = 0;
    int r = api_query_i64(q, keep, 0, &bytes, e);
    if (r >= 0)
        r = api_query_filters(q, &o.filters, e);
    o.limit_size = bytes > 0;
    o.keep_bytes = (uint64_t)(bytes > 0 ? bytes : 0);
    if (r >= 0)
        r = shale_build_prune(q->s, &o, &p, e);
    if (r < 0)
        return r;
    _cleanup_json_ json_t *ids = json_array();
    for (size_t i = 0; i < p->n_items; i++)
        if (json_array_append_new(ids, json_string(p->items[i].id)) < 0)
            return err_nomem(e);
    return api_reply_json(q, 200,
                          json_pack("{s:o, s:I}", "CachesDeleted", TAKE_PTR(ids), "SpaceReclaimed",
                                    (json_int_t)p->freed_bytes));
}

const struct api_route api_routes_build[] = {
    {"POST", "/build", 0, API_BODY_RAW | API_LONG, build},
    {"POST", "/build/prune", 131, API_LONG, prune},
    {NULL},
};

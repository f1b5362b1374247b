/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the daemon itself. */
#include "api/daemon.h"
#include "api/system.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "view/api_system.h"

static int ping(struct api_req *q, struct shale_err *e)
{
    api_reply_header(q, "Builder-Version", "1"); /* the classic one: no BuildKit */
    api_reply_header(q, "Swarm", "inactive");
    api_reply_header(q, "Cache-Control", "no-cache, no-store, must-revalidate");
    api_reply_header(q, "Pragma", "no-cache");
    return api_reply_bytes(q, 200, "text/plain; charset=utf-8", "OK", q->method[0] == 'H' ? 0 : 2);
}

static int version(struct api_req *q, struct shale_err *e)
{
    json_t *doc = NULL;
    int r = view_api_version(API_VERSION_MAX, API_VERSION_MIN, &doc, e);

    return r < 0 ? r : api_reply_json(q, 200, doc);
}

static int info(struct api_req *q, struct shale_err *e)
{
    struct view_api_info more = {
        .id = q->d->id,
        .debug = q->set->debug,
        .n_listeners = atomic_load(&q->d->n_listeners),
        .insecure = q->set->open.insecure_registries,
        .mirrors = q->set->open.registry_mirrors,
        .log_driver = q->set->conf.log_driver,
        .now_ns = time_now_ns(),
    };
    struct shale_info *i = NULL;
    json_t *doc = NULL;
    int r = shale_info(q->s, &i, e);

    if (r < 0)
        return r;
    r = view_api_info(i, &more, &doc, e);
    shale_free(i);
    return r < 0 ? r : api_reply_json(q, 200, doc);
}

const struct api_route api_routes_system[] = {
    {"HEAD", "/_ping", 0, API_BODY_NONE, ping},
    {"GET", "/_ping", 0, API_BODY_NONE, ping},
    {"GET", "/version", 0, API_BODY_NONE, version},
    {"GET", "/info", 0, API_BODY_NONE, info},
    {"GET", "/system/df", 0, API_LONG, api_df},
    {"POST", "/auth", 0, API_BODY_JSON_MUST | API_LONG, api_auth},
    {"GET", "/events", 0, API_LONG, api_events},
    {0},
};

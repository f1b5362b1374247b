/* SPDX-License-Identifier: Apache-2.0 */
/* What containers tell as they run: their end, their output, what they use. */
#include <shale/stats.h>
#include <string.h>

#include "api/attach.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "view/api_containers.h"

#define LOG_BYTES (32u << 10) /* gathered before they are sent, unless somebody waits for them */

/* ---- wait ---- */

static int wait_begin(void *arg)
{
    return api_stream_begin(arg, 200, "application/json");
}

static int wait_for(struct api_req *q, struct shale_err *e)
{
    static const struct {
        const char *word;
        enum shale_wait_until until;
    } conditions[] = {{"", SHALE_WAIT_NOT_RUNNING},
                      {"not-running", SHALE_WAIT_NOT_RUNNING},
                      {"next-exit", SHALE_WAIT_NEXT_EXIT},
                      {"removed", SHALE_WAIT_REMOVED}};
    const char *word = api_query(q, "condition");
    struct shale_wait_opts o = {.size = sizeof o, .on_waiting = wait_begin, .arg = q};
    int status = 0;
    size_t i = 0;

    while (word && i < ARRAY_SIZE(conditions) && !streq(conditions[i].word, word))
        i++;
    if (i == ARRAY_SIZE(conditions))
        return err_set(e, SHALE_INVALID, "invalid condition: \"%.60s\"", word);
    o.until = conditions[i].until;
    int r = shale_wait_until(q->s, q->args[0], &o, &status, e);
    return r < 0 ? r : api_stream_json(q, json_pack("{s:i}", "StatusCode", status));
}

/* ---- logs ---- */

static int logs_send(void *arg, const void *p, size_t n)
{
    return api_stream_write(arg, p, n);
}

static int logs(struct api_req *q, struct shale_err *e)
{
    struct shale_container *c = NULL;
    struct attach_logs l = {.send = logs_send, .arg = q};
    int r = attach_logs_query(q, &l, e);

    if (r >= 0)
        r = shale_container_inspect(q->s, q->args[0], false, &c, e);
    if (r < 0)
        return r;
    l.frames = !c->tty;
    bool none = !*c->log_path;
    shale_free(c);
    if (none) /* before an answer begins */
        return err_set(e, SHALE_UNSUPPORTED, "configured logging driver does not support reading");
    r = api_stream_begin(q, 200, attach_type(q, l.frames));
    return r < 0 ? r : attach_logs_run(q, &l, e);
}

/* ---- stats ---- */

struct figures {
    struct api_req *q;
    bool begun;
    struct shale_err *e;
};

static int on_sample(void *arg, const struct shale_stats *v, size_t n)
{
    struct figures *f = arg;
    json_t *doc = NULL;
    int r = n ? view_api_stats(&v[0], &doc, f->e) : 0;

    if (r >= 0 && n && !f->begun)
        r = api_stream_begin(f->q, 200, "application/json");
    f->begun = true;
    if (r < 0)
        json_decref(doc);
    return r < 0 || !n ? r : api_stream_json(f->q, doc);
}

static int stats(struct api_req *q, struct shale_err *e)
{
    const char *const names[] = {q->args[0], NULL};
    struct figures f = {.q = q, .e = e};
    bool one_shot = api_query_bool(q, "one-shot"), stream = api_query_bool_or(q, "stream", true);
    const struct shale_stats_opts o = {.size = sizeof o,
                                       .containers = names,
                                       .once = !stream,
                                       .interval_ns = one_shot ? 1 : 0,
                                       .on_sample = on_sample,
                                       .arg = &f};

    if (one_shot && stream)
        return err_set(e, SHALE_INVALID, "cannot have stream=true and one-shot=true");
    return shale_stats(q->s, &o, e);
}

const struct api_route api_routes_streams[] = {
    {"POST", "/containers/{}/wait", 0, API_BODY_NONE | API_LONG, wait_for},
    {"GET", "/containers/{}/logs", 0, API_BODY_NONE | API_LONG, logs},
    {"GET", "/containers/{}/stats", 0, API_BODY_NONE | API_LONG, stats},
    {"POST", "/containers/{}/attach", 0, API_BODY_NONE | API_LONG, attach_handler},
    {"GET", "/containers/{}/attach/ws", 0, API_BODY_NONE | API_LONG, attach_ws_handler},
    {0},
};

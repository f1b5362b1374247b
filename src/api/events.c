/* SPDX-License-Identifier: Apache-2.0 */
/* GET /events. */
#include <shale/events.h>

#include "api/daemon.h"
#include "api/system.h"
#include "base/cleanup.h"
#include "base/time.h"
#include "view/events.h"

#define LINE_BYTES (16u << 20)

struct watcher {
    struct api_req *q;
    struct events_view view;
    struct buf line;
    struct shale_err *e;
};

static int tell(void *arg, const struct shale_event *ev)
{
    struct watcher *w = arg;

    buf_reset(&w->line);
    int r = events_view_add(&w->view, ev, &w->line, w->e);
    return r < 0 ? r : api_stream_write(w->q, w->line.p, w->line.n);
}

static int nobody(void *arg, const struct shale_event *ev)
{
    return 0;
}

/* What is wrong with them has to be known before the answer begins: an instant without events. */
static int check(struct api_req *q, const struct shale_events_opts *o, struct shale_err *e)
{
    struct shale_events_opts none = *o;

    if (o->since_ns != SHALE_TIME_NONE && o->until_ns != SHALE_TIME_NONE &&
        o->until_ns < o->since_ns)
        return api_fail(q, 400, e, "`since` time (%s) cannot be after `until` time (%s)",
                        api_query(q, "since"), api_query(q, "until"));
    none.since_ns = SHALE_TIME_NONE;
    none.until_ns = time_now_ns();
    none.on_event = nobody;
    return o->filters && o->filters[0] ? shale_events(q->s, &none, e) : 0;
}

static int watch(struct api_req *q, struct shale_events_opts *o, struct shale_err *e)
{
    struct watcher w = {.q = q, .line = BUF_INIT(LINE_BYTES), .e = e};
    int r = events_view_begin(&w.view, "json", false, e);

    /* Whatever happens after the client has seen the head of the answer is told. */
    if (o->since_ns == SHALE_TIME_NONE)
        o->since_ns = time_now_ns();
    o->on_event = tell;
    o->arg = &w;
    if (r >= 0)
        r = api_stream_begin(q, 200, "application/json");
    if (r >= 0)
        r = shale_events(q->s, o, e);
    o->on_event = NULL;
    o->arg = NULL;
    events_view_clear(&w.view);
    buf_clear(&w.line);
    return r;
}

int api_events(struct api_req *q, struct shale_err *e)
{
    struct shale_events_opts o = {.size = sizeof o};
    int r = api_query_time(q, "since", SHALE_TIME_NONE, &o.since_ns, e);

    if (r >= 0)
        r = api_query_time(q, "until", SHALE_TIME_NONE, &o.until_ns, e);
    if (r >= 0)
        r = api_query_filters(q, &o.filters, e);
    if (r >= 0)
        r = check(q, &o, e);
    if (r < 0)
        return r;
    atomic_fetch_add(&q->d->n_listeners, 1);
    r = watch(q, &o, e);
    atomic_fetch_sub(&q->d->n_listeners, 1);
    return r == -SHALE_CANCELED || r == -SHALE_NETWORK ? 0 : r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "api/attach.h"

#include <fcntl.h>
#include <string.h>

#include "api/attach_ws.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "http/websocket.h"

#define MULTIPLEXED_SINCE 142
#define CHOSEN_SINCE      142         /* streams of a WebSocket */
#define GATHER_BYTES      (32u << 10) /* before they are sent, unless somebody waits for them */
#define GATHER_MAX        (2u << 20)
#define HEAD_BYTES        8

const char *attach_type(const struct api_req *q, bool frames)
{
    return frames && q->version >= MULTIPLEXED_SINCE ? API_MULTIPLEXED : API_RAW_STREAM;
}

/* ---- logs ---- */

struct gather {
    const struct attach_logs *l;
    struct buf b;
    bool inside[2]; /* a line of the stream has begun and not ended */
};

static int flush(struct gather *g)
{
    int r = g->b.failed ? -g->b.failed : g->b.n ? g->l->send(g->l->arg, g->b.p, g->b.n) : 0;

    buf_reset(&g->b);
    return r;
}

/* docker pads the fraction to nine digits. */
static void add_time(struct buf *b, int64_t t_ns)
{
    char text[40];
    int64_t fraction = (t_ns % NS_PER_S + NS_PER_S) % NS_PER_S;

    time_format_rfc3339nano(t_ns - fraction, text);
    buf_addf(b, "%.*s.%09lldZ ", (int)strcspn(text, "Z"), text, (long long)fraction);
}

static int on_data(void *arg, int stream, int64_t time_ns, const void *p, size_t n)
{
    struct gather *g = arg;
    bool *inside = &g->inside[stream == 2];

    if (n == 0 || !(stream == 2 ? g->l->err : g->l->out))
        return 0;
    size_t at = g->b.n;
    if (g->l->frames)
        buf_add(&g->b, (uint8_t[HEAD_BYTES]){0}, HEAD_BYTES);
    if (g->l->timestamps && !*inside)
        add_time(&g->b, time_ns);
    if (g->l->details && !*inside) /* there are none: the blank behind them */
        buf_addc(&g->b, ' ');
    *inside = ((const char *)p)[n - 1] != '\n';
    buf_add(&g->b, p, n);
    if (g->l->frames && !g->b.failed) {
        size_t size = g->b.n - at - HEAD_BYTES;
        const uint8_t head[HEAD_BYTES] = {(uint8_t)stream,
                                          0,
                                          0,
                                          0,
                                          (uint8_t)(size >> 24),
                                          (uint8_t)(size >> 16),
                                          (uint8_t)(size >> 8),
                                          (uint8_t)size};
        memcpy(g->b.p + at, head, sizeof head);
    }
    return g->l->follow || g->b.n >= GATHER_BYTES ? flush(g) : 0;
}

int attach_logs_query(struct api_req *q, struct attach_logs *l, struct shale_err *e)
{
    const char *tail = api_query(q, "tail");
    uint64_t n;

    l->out = api_query_bool(q, "stdout");
    l->err = api_query_bool(q, "stderr");
    l->timestamps = api_query_bool(q, "timestamps");
    l->details = api_query_bool(q, "details");
    l->follow = api_query_bool(q, "follow");
    l->tail = tail && str_to_u64(tail, &n) && n <= INT64_MAX ? (int64_t)n : -1;
    if (!l->out && !l->err)
        return err_set(e, SHALE_INVALID, "Bad parameters: you must choose at least one stream");
    int r = api_query_time(q, "since", SHALE_TIME_NONE, &l->since_ns, e);
    if (r >= 0)
        r = api_query_time(q, "until", SHALE_TIME_NONE, &l->until_ns, e);
    if (r >= 0 && l->until_ns == 0) /* how clients say none */
        l->until_ns = SHALE_TIME_NONE;
    return r;
}

int attach_logs_run(struct api_req *q, const struct attach_logs *l, struct shale_err *e)
{
    struct gather g = {.l = l, .b = BUF_INIT(GATHER_MAX)};
    const struct shale_logs_opts o = {.size = sizeof o,
                                      .follow = l->follow,
                                      .since_ns = l->since_ns,
                                      .until_ns = l->until_ns,
                                      .tail = l->tail,
                                      .on_data = on_data,
                                      .arg = &g};
    int r = shale_logs(q->s, q->args[0], &o, e);

    if (r >= 0)
        r = flush(&g);
    buf_clear(&g.b);
    return r;
}

/* ---- attaching ---- */

void attach_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

struct attaching {
    struct api_req *q;
    bool in, out, err, logs, stream, frames;
    struct shale_err *e;
    int fd;
    bool websocket; /* streams go as they are: its frames are no docker's */
    struct attach_ws *ws;
};

static int send_all(void *arg, const void *p, size_t n)
{
    return sys_write_all(*(const int *)arg, p, n) < 0 ? -SHALE_NETWORK : 0;
}

static int replay(struct attaching *x)
{
    const struct attach_logs l = {.out = x->out,
                                  .err = x->err,
                                  .frames = x->frames,
                                  .since_ns = SHALE_TIME_NONE,
                                  .until_ns = SHALE_TIME_NONE,
                                  .tail = -1,
                                  .send = send_all,
                                  .arg = &x->fd};

    return attach_logs_run(x->q, &l, x->e);
}

static int begin(void *arg, struct shale_attach_opts *o)
{
    struct attaching *x = arg;
    int r = x->websocket ? attach_ws_begin(x->q, x->in && x->stream, &x->ws, &x->fd, x->e)
                         : api_hijack(x->q, attach_type(x->q, x->frames), &x->fd, x->e);

    if (r >= 0 && x->logs)
        r = replay(x);
    if (r < 0)
        return r;
    attach_nonblocking(x->fd);
    o->in = x->in ? x->fd : -1;
    o->out = x->out ? x->fd : -1;
    o->err = x->err ? x->fd : -1;
    return 0;
}

static int find(struct attaching *x, struct shale_err *e)
{
    struct shale_container *c = NULL;
    int r = shale_container_inspect(x->q->s, x->q->args[0], false, &c, e);

    if (r >= 0) {
        x->frames = !c->tty && !x->websocket;
        x->in = x->in && c->interactive;
    }
    shale_free(c);
    return r;
}

static int attach(struct attaching *x, struct shale_err *e)
{
    struct shale_attach_opts o = {.size = sizeof o,
                                  .in = -1,
                                  .out = -1,
                                  .err = -1,
                                  .detach_keys = api_query(x->q, "detachKeys"),
                                  .hangup = true,
                                  .before_start = true,
                                  .on_ready = begin,
                                  .arg = x};
    int r = find(x, e);

    if (r < 0)
        return r;
    o.frames = x->frames;
    if (!x->stream || !(x->in || x->out || x->err)) /* nothing to carry: it would never end */
        return begin(x, &o);
    return shale_attach(x->q->s, x->q->args[0], &o, NULL, e);
}

int attach_handler(struct api_req *q, struct shale_err *e)
{
    struct attaching x = {.q = q,
                          .in = api_query_bool(q, "stdin"),
                          .out = api_query_bool(q, "stdout"),
                          .err = api_query_bool(q, "stderr"),
                          .logs = api_query_bool(q, "logs"),
                          .stream = api_query_bool(q, "stream"),
                          .e = e,
                          .fd = -1};

    return attach(&x, e);
}

int attach_ws_handler(struct api_req *q, struct shale_err *e)
{
    bool all = q->version < CHOSEN_SINCE;
    struct attaching x = {.q = q,
                          .in = all || api_query_bool(q, "stdin"),
                          .out = all || api_query_bool(q, "stdout"),
                          .err = all || api_query_bool(q, "stderr"),
                          .logs = api_query_bool(q, "logs"),
                          .stream = api_query_bool(q, "stream"),
                          .e = e,
                          .fd = -1,
                          .websocket = true};
    int r = api_websocket_check(q, e);

    if (r >= 0)
        r = attach(&x, e);
    attach_ws_end(x.ws, r < 0 ? WS_FAILED : WS_NORMAL);
    return r;
}

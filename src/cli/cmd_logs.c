/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <shale/container.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "cli/cli.h"

#define BUFFER (64u << 10) /* of each stream, written when full and at the end of what is there */

struct log_opts {
    bool details, follow, timestamps;
    const char *since, *until, *tail;
};
static const struct log_opts preset = {.tail = "all"};

#define O(field) offsetof(struct log_opts, field)
static const struct opt opts[] = {
    {0, "details", OPT_BOOL, O(details), NULL, "Show extra details provided to logs"},
    {'f', "follow", OPT_BOOL, O(follow), NULL, "Follow log output"},
    {0, "since", OPT_STR, O(since), NULL,
     "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\")\nor relative (e.g. \"42m\" for 42 "
     "minutes)"},
    {'n', "tail", OPT_STR, O(tail), NULL, "Number of lines to show from the end of the logs", 0,
     "all"},
    {'t', "timestamps", OPT_BOOL, O(timestamps), NULL, "Show timestamps"},
    {0, "until", OPT_STR, O(until), NULL, "Show logs before a timestamp or relative time"},
    {0},
};

struct printer {
    bool timestamps, follow, details;
    bool inside[2]; /* a line of the stream has begun and not ended */
    struct buf out; /* not written yet, of `stream` */
    int stream;
};

static int write_to(int fd, const void *data, size_t n)
{
    if (n == 0 || sys_write_all(fd, data, n) == 0)
        return 0;
    if (errno == EPIPE)
        _exit(128 + SIGPIPE);
    return -1;
}

static int flush(struct printer *p)
{
    int r = write_to(p->stream, p->out.p, p->out.n);
    buf_reset(&p->out);
    return r;
}

/* docker pads the fraction to nine digits. */
static void add_time(struct buf *b, int64_t t_ns)
{
    char text[40];
    int64_t fraction = (t_ns % NS_PER_S + NS_PER_S) % NS_PER_S;
    time_format_rfc3339nano(t_ns - fraction, text);
    size_t n = strcspn(text, "Z");
    buf_addf(b, "%.*s.%09lldZ ", (int)n, text, (long long)fraction);
}

static int on_data(void *arg, int stream, int64_t time_ns, const void *data, size_t n)
{
    struct printer *p = arg;
    bool *inside = &p->inside[stream == STDERR_FILENO];
    if ((stream != p->stream || p->out.n + n > BUFFER) && flush(p) < 0)
        return -1;
    p->stream = stream;
    if (p->timestamps && !*inside && n)
        add_time(&p->out, time_ns);
    if (p->details && !*inside && n) /* no log driver of ours has any: the blank behind them */
        buf_addc(&p->out, ' ');
    if (n)
        *inside = ((const char *)data)[n - 1] != '\n';
    if (n > BUFFER)
        return flush(p) < 0 ? -1 : write_to(stream, data, n);
    buf_add(&p->out, data, n);
    return p->follow ? flush(p) : 0;
}

static int take_time(struct cli *c, const char *option, const char *text, int64_t *ret)
{
    *ret = SHALE_TIME_NONE;
    if (!text || !*text)
        return 0;
    int r = time_parse_filter(text, time_now_ns(), ret, &c->e);
    return r < 0 ? err_wrap(&c->e, r, "invalid value for \"%s\"", option) : 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct log_opts *o = opts_;
    struct printer p = {.timestamps = o->timestamps,
                        .follow = o->follow,
                        .details = o->details,
                        .stream = STDOUT_FILENO};
    struct shale_logs_opts q = {
        .size = sizeof q,
        .follow = o->follow,
        .timestamps = o->timestamps,
        .tail = -1,
        .on_data = on_data,
        .arg = &p,
    };
    struct shale *s = NULL;
    uint64_t tail;
    if (str_to_u64(o->tail, &tail) && tail <= INT64_MAX)
        q.tail = (int64_t)tail;
    int r = take_time(c, "since", o->since, &q.since_ns);
    if (r == 0)
        r = take_time(c, "until", o->until, &q.until_ns);
    if (r == 0)
        r = cli_open(c, &s);
    if (r < 0)
        return r;
    buf_init(&p.out, 4 * BUFFER);
    r = shale_logs(s, args[0], &q, &c->e);
    int w = flush(&p);
    buf_clear(&p.out);
    if (w < 0)
        r = err_sys(&c->e, "write standard output");
    return r < 0 ? r : 0;
}

const struct cmd cmd_logs = {
    .brief = "Fetch the logs of a container",
    .usage = "[OPTIONS] CONTAINER",
    .example = "shale logs --tail 20 -f web\n"
               "shale logs -t --since 10m web",
    .opts = opts,
    .opts_size = sizeof(struct log_opts),
    .preset = &preset,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};

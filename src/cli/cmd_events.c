/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <shale/events.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/exit.h"
#include "cli/signals.h"
#include "view/events.h"

#define LINE_BYTES (16u << 20)

struct events_opts {
    struct strv filters;
    const char *format, *since, *until;
};

#define O(field) offsetof(struct events_opts, field)
static const struct opt opts[] = {
    {'f', "filter", OPT_FILTER, O(filters), NULL, "Filter output based on conditions provided"},
    {0, "format", OPT_STR, O(format), NULL,
     "Format output using a custom template:\n"
     "'json':             Print in JSON format\n"
     "'TEMPLATE':         Print output using the given Go template"},
    {0, "since", OPT_STR, O(since), NULL, "Show all events created since timestamp"},
    {0, "until", OPT_STR, O(until), NULL, "Stream events until this timestamp"},
    {0},
};
#undef O

struct printer {
    struct cli *c;
    struct events_view view;
    struct buf out;
};

static int on_event(void *arg, const struct shale_event *ev)
{
    struct printer *p = arg;

    buf_reset(&p->out);
    int r = events_view_add(&p->view, ev, &p->out, &p->c->e);
    if (r < 0 || sys_write_all(STDOUT_FILENO, p->out.p, p->out.n) == 0)
        return r;
    if (errno == EPIPE)
        _exit(128 + SIGPIPE);
    return err_sys(&p->c->e, "write standard output");
}

static int take_time(struct cli *c, const char *text, int64_t *ret)
{
    *ret = SHALE_TIME_NONE;
    return text && *text ? time_parse_filter(text, time_now_ns(), ret, &c->e) : 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct events_opts *o = opts_;
    struct printer p = {.c = c, .out = BUF_INIT(LINE_BYTES)};
    struct shale_events_opts q = {
        .size = sizeof q,
        .filters = (const char *const *)o->filters.v,
        .on_event = on_event,
        .arg = &p,
    };
    struct shale *s = NULL;
    int r = events_view_begin(&p.view, o->format, cli_is_terminal(), &c->e);

    if (r < 0)
        c->fail_status = EXIT_TEMPLATE;
    if (r >= 0)
        r = take_time(c, o->since, &q.since_ns);
    if (r >= 0)
        r = take_time(c, o->until, &q.until_ns);
    if (r >= 0 && q.since_ns != SHALE_TIME_NONE && q.until_ns != SHALE_TIME_NONE &&
        q.until_ns < q.since_ns)
        r = err_set(&c->e, SHALE_INVALID, "since time (%s) cannot be after until time (%s)",
                    o->since, o->until);
    if (r >= 0)
        r = cli_open(c, &s);
    if (r >= 0)
        r = shale_events(s, &q, &c->e);
    events_view_clear(&p.view);
    buf_clear(&p.out);
    return r;
}

const struct cmd cmd_events = {
    .brief = "Get real time events from the store",
    .usage = "[OPTIONS]",
    .text =
        "Every command that changes something appends to a journal in the store, so that also\n"
        "what happened before is there: --since shows it. Without --until it goes on until it\n"
        "is interrupted. The journal keeps the latest events, at least 10,000 of usual length.\n"
        "\n"
        "Filters: type=container|image|network|volume, event=start|die|pull|…, "
        "container=NAME|ID,\n"
        "image=NAME|ID, volume=NAME, network=NAME|ID, label=KEY[=VALUE], scope=local.",
    .example = "shale events --since 10m --until 0s\n"
               "shale events --filter type=container --filter event=die\n"
               "shale events --since 2026-01-31 --format '{{json .}}'\n"
               "shale events --filter label=app=shop --format '{{.Action}} {{.Actor.ID}}'",
    .opts = opts,
    .opts_size = sizeof(struct events_opts),
    .max_args = 0,
    .run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/health.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/time.h"
#include "container/events.h"
#include "container/jout.h"
#include "container/keep.h"
#include "container/probe.h"
#include "container/pswatch.h"

#define HEALTH_FILE     "health"
#define HEALTH_FILE_MAX (1u << 20) /* five outputs, escaped */
#define STARTED_KEY     "StartedAt"
#define PAUSED_RETRY_MS 1000 /* how often a paused one is looked at */

/* ---- the file ---- */

/* NULL: there is none that can be read. */
static json_t *read_file(const struct ctr *c)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const char *path = ctr_path(c, &a, HEALTH_FILE);
    const char *text = path ? fs_read_text(AT_FDCWD, path, &a, HEALTH_FILE_MAX, NULL) : NULL;
    json_t *j = NULL;

    if (!text || json_parse(text, strlen(text), HEALTH_FILE_MAX, &j, NULL) < 0)
        return NULL;
    return j;
}

static void put_state(int *bad, json_t *o, const struct health_state *s)
{
    jout_str(bad, o, "Status", health_name(s->status));
    jout_int(bad, o, "FailingStreak", s->failing);
}

static int save(struct health *x, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_json_ json_t *o = json_object();
    const char *path = ctr_path(x->c, &a, HEALTH_FILE);
    int bad = !path, r;
    char *text;

    put_state(&bad, o, &x->state);
    jout_put(&bad, o, "Log", json_incref(x->log));
    jout_int(&bad, o, STARTED_KEY, x->c->row.run.started_ns);
    r = jout_check(bad, "health", e);
    if (r >= 0)
        r = jout_text(o, JSON_COMPACT, &a, &text, e);
    return r < 0 ? r : fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, false, e);
}

/* ---- looking after it ---- */

static void set_due(struct health *x)
{
    const struct ctr *c = x->c;

    x->due_ns = time_mono_ns() + health_interval_ns(&c->conf.health, x->state.status,
                                                    time_now_ns() - c->row.run.started_ns);
}

/* The one place where the health of a container changes. */
static int set_state(struct health *x, struct container_host *h, const struct health_state *s,
                     struct shale_err *e)
{
    bool differs = s->status != x->state.status;

    x->state = *s;
    int r = save(x, e);
    if (r >= 0 && differs && s->status != HEALTH_STARTING)
        ctr_event(h, &x->c->row, EVENT_CONTAINER_HEALTH_STATUS, health_name(s->status), NULL);
    return r;
}

int health_begin(struct health *x, struct container_host *h, const struct ctr *c,
                 struct shale_err *e)
{
    struct health_state s = {HEALTH_STARTING, 0};

    if (!health_is_probed(&c->conf.health))
        return 0;
    _cleanup_json_ json_t *was = read_file(c);
    json_t *log = json_object_get(was, "Log");
    x->log = json_is_array(log) ? json_incref(log) : json_array();
    if (!x->log)
        return err_nomem(e);
    x->c = c;
    if (json_integer_value(json_object_get(was, STARTED_KEY)) == c->row.run.started_ns) {
        /* another keeper was killed */
        const char *name = json_string_value(json_object_get(was, "Status"));
        (void)health_by_name(name ? name : "", &s.status);
        s.failing = json_integer_value(json_object_get(was, "FailingStreak"));
    }
    x->state = s;
    int r = save(x, e);
    set_due(x);
    return r;
}

void health_end(struct health *x)
{
    json_decref(x->log);
    *x = (struct health)HEALTH_INIT;
}

int64_t health_wait_ms(const struct health *x)
{
    int64_t left = x->due_ns - time_mono_ns();

    return !x->c ? -1 : left > 0 ? left / NS_PER_MS + 1 : 0;
}

static int add_outcome(struct health *x, struct probe_result *p, struct shale_err *e)
{
    json_t *o = json_object();
    char begin[40], end[40];
    int bad = 0;

    while (json_array_size(x->log) >= HEALTH_LOG_MAX)
        (void)json_array_remove(x->log, 0);
    jout_str(&bad, o, "Start", time_format_rfc3339nano(p->begin_ns, begin));
    jout_str(&bad, o, "End", time_format_rfc3339nano(p->end_ns, end));
    jout_int(&bad, o, "ExitCode", p->exit_code);
    jout_str(&bad, o, "Output", buf_str(&p->output));
    jout_add(&bad, x->log, o);
    return jout_check(bad, "outcome of the health check", e);
}

int health_probe(struct health *x, struct container_host *h, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct health_state s = x->state;
    struct meta_container row;
    struct probe_result p;
    int r = meta_container_get(store_meta(h->store), x->c->row.id, &a, &row, e);

    if (r < 0)
        return r;
    if (!streq(row.run.state, CTR_RUNNING)) {
        x->due_ns = time_mono_ns() + PAUSED_RETRY_MS * NS_PER_MS;
        return 0;
    }
    r = probe_run(h, x->c, &p, e);
    if (r >= 0)
        r = add_outcome(x, &p, e);
    if (r >= 0) {
        (void)health_take(&s, &x->c->conf.health, p.exit_code,
                          p.begin_ns - x->c->row.run.started_ns);
        r = set_state(x, h, &s, e);
    }
    buf_clear(&p.output);
    set_due(x);
    return r;
}

/* ---- looking at it ---- */

/* What the file says of the start that goes on; before its keeper has written: starting. */
static struct health_state state_now(struct container_host *h, const struct ctr *c, const json_t *j)
{
    const char *name = json_string_value(json_object_get(j, "Status"));
    struct health_state s = {HEALTH_STARTING, 0};

    if (json_integer_value(json_object_get(j, STARTED_KEY)) == c->row.run.started_ns) {
        (void)health_by_name(name ? name : "", &s.status);
        s.failing = json_integer_value(json_object_get(j, "FailingStreak"));
    }
    if (ctr_need_running(c, NULL) < 0 || !keep_is_alive(h, c))
        s.status = HEALTH_UNHEALTHY;
    return s;
}

static bool has_status(const struct ctr *c)
{
    return health_is_probed(&c->conf.health) && c->row.run.started_ns != SHALE_TIME_NONE;
}

enum health_status health_status(struct container_host *h, const struct ctr *c)
{
    if (!has_status(c))
        return HEALTH_NONE;
    if (ctr_need_running(c, NULL) < 0) /* whatever the file says */
        return HEALTH_UNHEALTHY;
    _cleanup_json_ json_t *was = read_file(c);
    return state_now(h, c, was).status;
}

void health_watch(struct container_host *h, const struct ctr *c, struct shale_ps_watch *w)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);

    if (!has_status(c))
        return;
    struct process keeper = keep_process(h, c);
    const char *path = ctr_path(c, &a, HEALTH_FILE);
    if (pswatch_process(w, &keeper))
        (void)pswatch_file(w, path ? path : "");
}

int health_load(struct container_host *h, const struct ctr *c, struct arena *a,
                struct health_shown *ret, struct shale_err *e)
{
    *ret = (struct health_shown){HEALTH_NONE, ""};
    if (!has_status(c))
        return 0;
    _cleanup_json_ json_t *was = read_file(c), *o = json_object();
    struct health_state s = state_now(h, c, was);
    json_t *log = json_object_get(was, "Log");
    int bad = 0;
    char *text;

    put_state(&bad, o, &s);
    jout_put(&bad, o, "Log", json_is_array(log) ? json_incref(log) : json_array());
    int r = jout_check(bad, "health", e);
    if (r >= 0)
        r = jout_text(o, JSON_COMPACT, a, &text, e);
    if (r < 0)
        return r;
    *ret = (struct health_shown){s.status, text};
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* container_start: what both ways of starting have in common. */
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "container/endpoint.h"
#include "container/events.h"
#include "container/keep.h"
#include "container/prepare.h"
#include "container/spaces.h"
#include "container/start_priv.h"

int start_mark_running(struct start *s, const struct ctr_run *run, struct shale_err *e)
{
    static const char *const from[] = {CTR_CREATED, CTR_EXITED, CTR_DEAD, CTR_RESTARTING, NULL};
    struct meta_container_run to = {
        .state = CTR_RUNNING,
        .pid = run->init.pid,
        .started_ns = time_now_ns(),
        .finished_ns = SHALE_TIME_NONE,
        .error = "",
        .restarts = s->again ? s->c->row.run.restarts : 0,
    };

    return ctr_move(s->h, s->c, from, &to, s->a, e);
}

void start_tell(struct start *s)
{
    ctr_event_volumes(s->h, &s->c->row, &s->c->conf, EVENT_VOLUME_MOUNT);
    ctr_event(s->h, &s->c->row, EVENT_CONTAINER_START, NULL, NULL);
}

/* Statuses as docker records them for what never ran. */
static int status_of_refusal(int r)
{
    return r == -SHALE_NOT_FOUND ? 127 : r == -SHALE_DENIED ? 126 : 128;
}

/* It did not start: undo, and leave the reason where `inspect` shows it. */
static void record_failure(struct start *s, int r, const struct shale_err *why)
{
    struct meta_container_run to = s->c->row.run;

    ctr_unprepare(s->h, s->a, s->c);
    if (s->lock < 0)
        s->lock = ctr_lock(s->h, s->c, NULL);
    if (s->c->row.auto_remove) {
        (void)ctr_remove(s->h, s->a, s->c, true, NULL);
        return;
    }
    if (s->again)
        to.state = CTR_EXITED;
    else if (!ctr_is(s->c, CTR_EXITED))
        to.state = CTR_CREATED;
    to.pid = 0;
    to.exit_code = status_of_refusal(r);
    to.error = why->msg;
    (void)ctr_move(s->h, s->c, NULL, &to, s->a, NULL);
}

/* 1: it runs already, or will. */
static int check_state(struct start *s, struct shale_err *e)
{
    if (s->again)
        return ctr_is(s->c, CTR_RESTARTING) ? 0 : 1;
    if (ctr_is(s->c, CTR_RUNNING) || ctr_is(s->c, CTR_RESTARTING))
        return 1;
    if (ctr_is(s->c, CTR_PAUSED))
        return err_set(e, SHALE_CONFLICT, "cannot start a paused container, try unpause instead");
    if (ctr_is(s->c, CTR_REMOVING) || ctr_is(s->c, CTR_DEAD))
        return err_set(e, SHALE_CONFLICT, "container is marked for removal and cannot be started");
    return 0;
}

bool start_is_plain(const struct start *s)
{
    const struct conf *f = &s->c->conf;

    return s->c->row.auto_remove && !f->tty && !f->open_stdin && !keep_is_wanted(f) &&
           spaces_own_pids(f);
}

static int run_it(struct start *s, int *ret_status, struct shale_err *e)
{
    int socket = -1;

    if (s->attach)
        ctr_event(s->h, &s->c->row, EVENT_CONTAINER_ATTACH, NULL, NULL);
    if (s->attach && start_is_plain(s)) /* nobody but us needs to watch it */
        return direct_run(s, ret_status, e);
    if (watcher_can(s))
        return watcher_start(s, e);
    /* Held until the status is known, so that automatic removal does not come first. */
    _cleanup_close_ int hold = s->attach ? ctr_hold(s->h, s->c, e) : -1;
    if (s->attach && hold < 0)
        return hold;
    int r = monitor_start(s, &socket, e);
    if (r < 0 || !s->attach)
        return r;
    r = attach_relay(s->h, s->a, s->c, s->attach, socket, ret_status, e);
    close(TAKE_FD(hold));
    /* Gone when its end is told, whoever comes first: conmon's exit_command or we. */
    if (r >= 0 && *ret_status >= 0 && s->c->row.auto_remove && s->lock < 0)
        r = container_cleanup(s->h, s->c->row.id, e);
    return r;
}

/* NOT_FOUND and DENIED speak of the command only (see shale_start). */
static int prepare(struct start *s, struct shale_err *e)
{
    int r = prepare_bundle(s->h, s->a, s->c, &s->rt, e);

    if (r == -SHALE_NOT_FOUND)
        e->code = SHALE_INVALID;
    else if (r == -SHALE_DENIED)
        e->code = SHALE_SYSTEM;
    return r < 0 ? -e->code : 0;
}

static int start_locked(struct start *s, int *ret_status, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = prepare(s, &why);
    bool started = false;

    if (r >= 0) {
        r = run_it(s, ret_status, &why);
        started = ctr_is(s->c, CTR_RUNNING) || ctr_is(s->c, CTR_EXITED);
    }
    if (s->c->net)
        endpoints_close(s->c->net);
    if (s->c->spaces)
        spaces_close(s->c->spaces);
    if (r < 0 && !started)
        record_failure(s, r, &why);
    if (r < 0 && e)
        *e = why;
    return r;
}

static int start(struct container_host *h, struct arena *a, const char *container, bool again,
                 const struct shale_attach_opts *attach, int *ret_status, struct shale_err *e)
{
    struct ctr c;
    struct start s = {
        .h = h, .a = a, .c = &c, .attach = attach, .lock = -1, .again = again, .ready = -1};
    int r = ctr_find(h, container, a, &c, e);

    if (r >= 0)
        r = check_state(&s, e);
    if (r == 1 && attach)
        return container_attach(h, container, attach, ret_status, e);
    if (r == 1 && ctr_is(&c, CTR_RUNNING))
        return keep_again(h, a, &c, e);
    if (r != 0)
        return r < 0 ? r : 0;
    r = runtime_choose(h, c.conf.runtime[0] ? c.conf.runtime : h->runtime, a, &s.rt, e);
    if (r < 0)
        return r;
    s.lock = ctr_lock(h, &c, e);
    if (s.lock < 0)
        return s.lock;
    r = ctr_reload(h, a, &c, e);
    if (r >= 0)
        r = check_state(&s, e);
    if (r == 0)
        r = start_locked(&s, ret_status, e);
    if (s.lock >= 0)
        close(s.lock);
    return r < 0 ? r : 0;
}

int container_start(struct container_host *h, const char *container,
                    const struct shale_attach_opts *attach, int *ret_status, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);

    return start(h, &a, container, false, attach, ret_status, e);
}

int start_again(struct container_host *h, const char *container, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    int status;

    return start(h, &a, container, true, NULL, &status, e);
}

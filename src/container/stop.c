/* SPDX-License-Identifier: Apache-2.0 */
/* Ending, removing. */
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "container/ctr.h"
#include "container/events.h"
#include "container/keep.h"
#include "container/life.h"
#include "container/signals.h"

#define DEFAULT_TIMEOUT_S 10
#define RECORD_WAIT_MS    5000 /* until the end of a process shows in its row */

/* A restart that was to come does not come. 1: it has come already; 0: it has ended for good. */
static int end_restart(struct container_host *h, struct arena *a, struct ctr *c,
                       struct shale_err *e)
{
    static const char *const from[] = {CTR_RESTARTING, NULL};
    _cleanup_close_ int lock = ctr_lock(h, c, e); /* its keeper holds it while it starts it */

    if (lock < 0)
        return lock == -SHALE_NOT_FOUND ? 0 : lock;
    int r = ctr_reload(h, a, c, e);
    if (r == -SHALE_NOT_FOUND)
        return 0;
    if (r < 0 || !ctr_is(c, CTR_RESTARTING))
        return r < 0 ? r : ctr_is_live(c);
    struct meta_container_run to = c->row.run;
    to.state = CTR_EXITED;
    to.stopped = true;
    return ctr_move(h, c, from, &to, a, e);
}

/* After the process: until its row says so, or it was removed. Its watcher does that; we do it when
 * there is none. */
static int await_record(struct container_host *h, struct arena *a, struct ctr *c,
                        struct shale_err *e)
{
    for (int ms = 0; ms < RECORD_WAIT_MS; ms += 5) {
        int r = ctr_reload(h, a, c, NULL);
        if (r >= 0)
            r = ctr_refresh(h, a, c, NULL);
        if (r == -SHALE_NOT_FOUND || (r >= 0 && !ctr_is_live(c)))
            return 0;
        /* It ended by itself just before it was asked to. */
        if (r >= 0 && ctr_is(c, CTR_RESTARTING))
            return end_restart(h, a, c, e);
        r = cancel_check(h->cancel, e);
        if (r < 0)
            return r;
        poll(NULL, 0, 5);
    }
    return err_set(e, SHALE_TIMEOUT,
                   "container %.12s has ended, but who watches it does not say so", c->row.id);
}

static int send_signal(struct container_host *h, const struct ctr *c, const struct ctr_run *run,
                       int sig, struct shale_err *e)
{
    char number[16];
    int r = process_kill(&run->init, sig, e);

    (void)snprintf(number, sizeof number, "%d", sig);
    if (r >= 0)
        ctr_event(h, &c->row, EVENT_CONTAINER_KILL, NULL, "signal", number, NULL);
    return r;
}

/* Sends the signal, waits at most timeout_s (-1: for ever), then kills. 1: it runs again. */
static int end_process(struct container_host *h, struct arena *a, struct ctr *c, int sig,
                       int64_t timeout_s, struct shale_err *e)
{
    struct ctr_run run;
    int r = meta_container_set_stopped(store_meta(h->store), c->row.id, true, e);

    if (r >= 0)
        r = ctr_run_load(h, c, a, &run, e);
    if (r < 0)
        return r;
    r = send_signal(h, c, &run, sig, e);
    if (r >= 0)
        r = life_thaw(h, a, c, e);
    if (r >= 0)
        r = process_wait(&run.init, timeout_s < 0 ? -1 : timeout_s * 1000, h->cancel, e);
    if (r == 0) {
        r = send_signal(h, c, &run, SIGKILL, e);
        if (r >= 0)
            r = process_wait(&run.init, -1, h->cancel, e);
    }
    if (r < 0 && r != -SHALE_NOT_FOUND)
        return r;
    return await_record(h, a, c, e);
}

/* Ends it, whatever it is doing. */
static int end_it(struct container_host *h, struct arena *a, struct ctr *c, int sig,
                  int64_t timeout_s, struct shale_err *e)
{
    int r = 1;

    while (r == 1) {
        r = ctr_is(c, CTR_RESTARTING) ? end_restart(h, a, c, e) : 1;
        if (r == 1)
            r = end_process(h, a, c, sig, timeout_s, e);
    }
    return r;
}

static int stop_signal(const struct ctr *c, const char *given, struct shale_err *e)
{
    const char *name = given && *given ? given : c->conf.stop_signal;

    return *name ? signal_parse(name, e) : SIGTERM;
}

int container_stop(struct container_host *h, const char *container, const char *signal,
                   int64_t timeout_s, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c;
    int r = ctr_find(h, container, &a, &c, e), sig;

    if (r < 0)
        return r;
    sig = stop_signal(&c, signal, e);
    if (sig < 0)
        return sig;
    if (!ctr_is_live(&c)) /* docker: 304, not modified */
        return 0;
    if (timeout_s < 0)
        timeout_s = c.conf.stop_timeout_s >= 0 ? c.conf.stop_timeout_s : DEFAULT_TIMEOUT_S;
    r = end_it(h, &a, &c, sig, timeout_s, e);
    if (r >= 0)
        ctr_event(h, &c.row, EVENT_CONTAINER_STOP, NULL, NULL);
    return r;
}

static int kill_it(struct container_host *h, const char *container, const char *signal,
                   struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr_run run;
    struct ctr c;
    int sig = signal && *signal ? signal_parse(signal, e) : SIGKILL;
    int r = sig < 0 ? sig : ctr_find(h, container, &a, &c, e);

    if (r >= 0 && ctr_is(&c, CTR_RESTARTING))
        return end_it(h, &a, &c, SIGKILL, -1, e);
    if (r >= 0)
        r = ctr_need_running(&c, e);
    if (r < 0)
        return r;
    if (sig == SIGKILL)
        return end_it(h, &a, &c, SIGKILL, -1, e);
    if (sig == stop_signal(&c, NULL, NULL)) /* it is to end, and not to come again */
        r = meta_container_set_stopped(store_meta(h->store), c.row.id, true, e);
    if (r >= 0)
        r = ctr_run_load(h, &c, &a, &run, e);
    if (r >= 0)
        r = send_signal(h, &c, &run, sig, e);
    return r < 0 ? r : life_thaw(h, &a, &c, e);
}

int container_kill(struct container_host *h, const char *container, const char *signal,
                   struct shale_err *e)
{
    int r = kill_it(h, container, signal, e);

    return r < 0 ? err_wrap(e, r, "cannot kill container: %s", container) : r;
}

static int remove_it(struct container_host *h, struct arena *a, struct ctr *c, const char *shown,
                     bool volumes, struct shale_err *e)
{
    static const char *const from[] = {CTR_CREATED, CTR_EXITED, CTR_DEAD, CTR_REMOVING, NULL};
    struct meta_container_run to;
    _cleanup_close_ int lock = ctr_lock(h, c, e);

    if (lock == -SHALE_NOT_FOUND) /* its end removed it */
        return 0;
    if (lock < 0)
        return lock;
    int r = ctr_reload(h, a, c, e);
    if (r == -SHALE_NOT_FOUND) /* gone meanwhile: as asked for */
        return 0;
    if (r < 0)
        return r;
    to = c->row.run;
    to.state = CTR_REMOVING;
    r = ctr_move(h, c, from, &to, a, e);
    if (r < 0 && r != -SHALE_CONFLICT)
        return r;
    if (r < 0)
        return err_set(e, SHALE_CONFLICT,
                       "cannot remove container \"%s\": container is %s: stop the container before "
                       "removing or force "
                       "remove",
                       shown, c->row.run.state);
    ctr_unprepare(h, a, c);
    return ctr_remove(h, a, c, volumes, e);
}

int container_rm(struct container_host *h, const char *container, const struct shale_rm_opts *o,
                 struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c;
    int r = ctr_find(h, container, &a, &c, e);

    if (r < 0)
        return r;
    if (ctr_is_live(&c)) {
        if (!o->force)
            return err_set(e, SHALE_CONFLICT,
                           "cannot remove container \"%s\": container is %s: %s the container "
                           "before removing or force "
                           "remove",
                           container, c.row.run.state,
                           ctr_is(&c, CTR_PAUSED) ? "unpause and stop" : "stop");
        r = end_it(h, &a, &c, SIGKILL, -1, e);
        if (r < 0)
            return r;
    }
    return remove_it(h, &a, &c, container, o->volumes, e);
}

int container_cleanup(struct container_host *h, const char *container, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta_container row;
    struct ctr c;
    int r = meta_container_find(store_meta(h->store), container, &a, &row, e);

    if (r == -SHALE_NOT_FOUND)
        return 0;
    if (r >= 0)
        r = ctr_of_row(h, &row, &a, &c, e);
    if (r < 0 || ctr_need_running(&c, NULL) < 0)
        return r < 0 ? r : 0;
    _cleanup_close_ int lock = ctr_lock(h, &c, e);
    if (lock < 0)
        return lock == -SHALE_NOT_FOUND ? 0 : lock;
    r = ctr_reload(h, &a, &c, NULL);
    if (r < 0 || ctr_need_running(&c, NULL) < 0)
        return 0;
    struct ctr_run run;
    r = ctr_run_load(h, &c, &a, &run, e);
    if (r < 0 || process_alive(&run.init))
        return r;
    int status = ctr_exit_status(&c);
    /* We may be late, of a run before this one: its own monitor has yet to tell how it ended. */
    if (status < 0 && run.monitor.pid != getppid() && process_alive(&run.monitor))
        return 0;
    if (status < 0)
        status = CTR_STATUS_UNKNOWN;
    if (keep_restarts(&c.row, status)) /* in case that its keeper was killed */
        (void)keep_ensure(h, &c, NULL);
    r = ctr_finish(h, &a, &c, status, e);
    return r == -SHALE_NOT_FOUND ? 0 : r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for the end of a container. */
#include <poll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "container/ctr.h"

#define RESTART_POLL_MS   20
#define SHORTEST_PAUSE_NS (2 * NS_PER_MS)

/* One that is to be started again ends once more. */
static int await_restart(struct container_host *h, struct arena *a, struct ctr *c,
                         struct shale_err *e)
{
    while (ctr_is(c, CTR_RESTARTING)) {
        poll(NULL, 0, RESTART_POLL_MS);
        int r = cancel_check(h->cancel, e);
        if (r >= 0)
            r = ctr_look(h, a, c, e);
        if (r >= 0)
            r = ctr_refresh(h, a, c, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int container_wait(struct container_host *h, const char *container, int *ret_status,
                   struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c;
    int r = ctr_find(h, container, &a, &c, e);

    if (r >= 0)
        r = await_restart(h, &a, &c, e);
    if (r < 0)
        return r;
    if (ctr_need_running(&c, NULL) < 0) {
        *ret_status = c.row.run.exit_code;
        return 0;
    }
    _cleanup_close_ int hold = ctr_hold(h, &c, e);
    if (hold < 0)
        return hold;
    return ctr_wait_end(h, &a, &c, ret_status, e);
}

/* ---- ends that are still to come ---- */

static int pause_a_bit(struct container_host *h, int64_t since_ns, struct shale_err *e)
{
    int64_t ns = ctr_pause_ns(since_ns, SHORTEST_PAUSE_NS);

    poll(NULL, 0, (int)(ns / NS_PER_MS));
    return cancel_check(h->cancel, e);
}

/* Until it runs, or has run and ended meanwhile (1), or is there no more (1). */
static int await_start(struct container_host *h, struct arena *a, struct ctr *c,
                       struct shale_err *e)
{
    int64_t before = c->row.run.finished_ns, since_ns = time_mono_ns();

    while (ctr_need_running(c, NULL) < 0) {
        if (c->row.run.finished_ns != before)
            return 1;
        int r = pause_a_bit(h, since_ns, e);
        if (r < 0)
            return r;
        r = ctr_has_moved(h, c, e);
        if (r == 1)
            r = ctr_look(h, a, c, e);
        if (r == -SHALE_NOT_FOUND)
            return 1;
        if (r < 0)
            return r;
    }
    return 0;
}

static int await_removal(struct container_host *h, struct arena *a, struct ctr *c,
                         struct shale_err *e)
{
    int64_t since_ns = time_mono_ns();
    int r = 0;

    while (r >= 0) {
        r = ctr_look(h, a, c, NULL);
        if (r >= 0) /* nobody else may be there to finish what it left */
            r = ctr_refresh(h, a, c, NULL);
        if (r == -SHALE_NOT_FOUND)
            return 0;
        if (r == -SHALE_NO_MEMORY)
            return err_nomem(e);
        r = pause_a_bit(h, since_ns, e);
    }
    return r;
}

/* Its status while the row is there, and the file with it. */
static int await_end(struct container_host *h, struct arena *a, struct ctr *c,
                     enum shale_wait_until until, int *ret_status, struct shale_err *e)
{
    int r = 0;

    if (until == SHALE_WAIT_NOT_RUNNING)
        r = await_restart(h, a, c, e);
    else
        r = await_start(h, a, c, e);
    if (r < 0)
        return r;
    *ret_status = c->row.run.exit_code;
    return r == 1 || ctr_need_running(c, NULL) < 0 ? 0 : ctr_wait_end(h, a, c, ret_status, e);
}

int container_wait_until(struct container_host *h, const char *container,
                         const struct shale_wait_opts *o, int *ret_status, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c;
    int r = ctr_find(h, container, &a, &c, e);

    if (r < 0)
        return r;
    /* from now on, so that it is not removed before its status is known */
    _cleanup_close_ int hold = ctr_hold(h, &c, e);
    if (hold < 0)
        return hold;
    if (o->on_waiting && o->on_waiting(o->arg) < 0)
        return err_set(e, SHALE_CANCELED, "nobody waits any more");
    bool wants_end = o->until != SHALE_WAIT_REMOVED || ctr_is_live(&c) || ctr_is(&c, CTR_CREATED);
    *ret_status = c.row.run.exit_code;
    if (wants_end)
        r = await_end(h, &a, &c, o->until, ret_status, e);
    close(TAKE_FD(hold));
    return r < 0 || o->until != SHALE_WAIT_REMOVED ? r : await_removal(h, &a, &c, e);
}

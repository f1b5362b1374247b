/* SPDX-License-Identifier: Apache-2.0 */
#include "container/pidwatch.h"

#include <fcntl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/sys.h"

#define HELD_MAX (64u << 10) /* more than a runtime has to say */
#define TICK_NS  10000000
#define SOON_NS  1000000

int pidwatch_open(struct pidwatch *w, const char *pidfile, struct shale_err *e)
{
    static const struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};

    (void)sys_unlinkat(AT_FDCWD, pidfile, 0);
    *w = (struct pidwatch){.pidfile = pidfile, .held = BUF_INIT(HELD_MAX), .holding = true};
    w->tick = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (w->tick < 0 || timerfd_settime(w->tick, 0, &every, NULL) < 0)
        return err_sys(e, "timer");
    return 0;
}

void pidwatch_close(struct pidwatch *w)
{
    if (w->tick >= 0)
        close(w->tick);
    w->tick = -1;
    buf_clear(&w->held);
}

bool pidwatch_look(struct pidwatch *w)
{
    static const struct itimerspec never;
    uint64_t n_ticks;

    if (read(w->tick, &n_ticks, sizeof n_ticks) < 0)
        return false;
    w->init = process_find(process_read_pidfile(w->pidfile));
    if (w->init.pid == 0)
        return false;
    (void)timerfd_settime(w->tick, 0, &never, NULL);
    return true;
}

void pidwatch_hurry(struct pidwatch *w)
{
    static const struct itimerspec soon = {{0, TICK_NS}, {0, SOON_NS}};

    if (w->tick >= 0 && w->init.pid == 0)
        (void)timerfd_settime(w->tick, 0, &soon, NULL);
}

bool pidwatch_hold(struct pidwatch *w, const char *p, size_t n)
{
    if (!w->holding || w->held.n + n > w->held.max)
        return false;
    pidwatch_hurry(w);
    buf_add(&w->held, p, n);
    return true;
}

void pidwatch_release(struct pidwatch *w)
{
    w->holding = false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to the streams that conmon holds. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "container/events.h"
#include "container/start_priv.h"

#define SHORTEST_PAUSE_NS NS_PER_MS /* before one that does not run yet is looked for again */
#define ROW_PAUSE_NS      (300 * NS_PER_MS) /* … and its row */
#define PATH_MAX_BYTES    (64u << 10)
#define BUSY_NS           (5 * NS_PER_S) /* how long one whose queue is full is asked */
#define BUSY_PAUSE_NS     (20 * NS_PER_MS)

/* The socket's path may be longer than an address holds: it is reached through the folder's
 * descriptor. */
int attach_connect(struct container_host *h, const struct ctr *c, struct shale_err *e)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    _cleanup_close_ int dir = sys_openat(AT_FDCWD, c->dir, O_PATH | O_DIRECTORY, 0);
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int64_t end_ns = time_mono_ns() + BUSY_NS;

    if (dir < 0 || fd < 0)
        return err_sys(e, "attach to container %.12s", c->row.id);
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/attach", dir);
    while (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0) {
        const struct timespec pause = {.tv_nsec = BUSY_PAUSE_NS};
        if (errno != EAGAIN && errno != EINTR)
            return err_sys(e, "attach to container %.12s", c->row.id);
        if (time_mono_ns() > end_ns)
            return err_set(e, SHALE_LIMIT,
                           "attach to container %.12s: too many are waiting for its output: try "
                           "again later",
                           c->row.id);
        int r = cancel_check(h->cancel, e);
        if (r < 0)
            return r;
        (void)nanosleep(&pause, NULL);
    }
    if (fcntl(fd, F_SETFL, 0) < 0)
        return err_sys(e, "attach to container %.12s", c->row.id);
    return TAKE_FD(fd);
}

/* conmon's control pipe: "1 ROWS COLUMNS". */
static int resize(const struct ctr *c, struct arena *a, uint16_t rows, uint16_t columns,
                  struct shale_err *e)
{
    const char *path = ctr_path(c, a, "ctl");
    _cleanup_close_ int fd = path ? sys_openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK, 0) : -1;
    char line[48];

    if (fd < 0)
        return err_sys(e, "resize container %.12s", c->row.id);
    (void)snprintf(line, sizeof line, "1 %u %u\n", rows, columns);
    return sys_write_all(fd, line, strlen(line)) < 0
               ? err_sys(e, "resize container %.12s", c->row.id)
               : 0;
}

int container_resize(struct container_host *h, const char *container, uint16_t rows,
                     uint16_t columns, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c;
    int r = ctr_find(h, container, &a, &c, e);

    if (r >= 0)
        r = ctr_need_running(&c, e);
    if (r >= 0 && !c.conf.tty)
        r = err_set(e, SHALE_CONFLICT, "container %.12s has no terminal", c.row.id);
    if (r >= 0)
        r = resize(&c, &a, rows, columns, e);
    if (r < 0)
        return r;
    char height[8], width[8];
    (void)snprintf(height, sizeof height, "%u", rows);
    (void)snprintf(width, sizeof width, "%u", columns);
    ctr_event(h, &c.row, EVENT_CONTAINER_RESIZE, NULL, "height", height, "width", width, NULL);
    return 0;
}

struct attached {
    struct arena *a;
    struct ctr *c;
    struct process init;
    int terminal; /* whose size counts */
};

static void follow_size(struct attached *x)
{
    unsigned short rows, columns;

    if (relay_tty_size(x->terminal, &rows, &columns))
        (void)resize(x->c, x->a, rows, columns, NULL);
}

static void on_signal(void *arg, int sig)
{
    struct attached *x = arg;

    if (sig == SIGWINCH && x->c->conf.tty)
        follow_size(x);
    else
        (void)process_kill(&x->init, sig, NULL);
}

static int take_keys(const struct ctr *c, const struct shale_attach_opts *o, struct keys *ret,
                     struct shale_err *e)
{
    const char *text = o->detach_keys && *o->detach_keys ? o->detach_keys
                       : c->conf.detach_keys[0]          ? c->conf.detach_keys
                                                         : NULL;

    return keys_parse(text, ret, e);
}

static int carry(struct container_host *h, struct attached *x, const struct shale_attach_opts *o,
                 int socket, struct shale_err *e)
{
    struct ctr *c = x->c;
    struct keys keys;
    struct relay_signals sig;
    bool tty = c->conf.tty;
    int r = take_keys(c, o, &keys, e);

    if (r >= 0)
        r = relay_signals_take(&sig, o->sig_proxy && !tty, tty && x->terminal >= 0, e);
    if (r < 0)
        return r;
    if (tty)
        follow_size(x);
    int in = c->conf.open_stdin ? o->in : -1;
    struct relay relay = {
        .from = {socket, -1},
        .packets = true,
        .to = in >= 0 ? socket : -1,
        .half_close = true,
        .child = -1,
        .in = in,
        .out = o->out,
        .err = o->err,
        .frames = o->frames && !tty,
        .hangup = o->hangup,
        .keys = tty && in >= 0 ? &keys : NULL,
        .event = -1,
        .signals = sig.fd,
        .on_signal = on_signal,
        .arg = x,
        .cancel = h->cancel,
    };
    r = relay_run(&relay, e);
    relay_signals_restore(&sig);
    return r;
}

int attach_relay(struct container_host *h, struct arena *a, struct ctr *c,
                 const struct shale_attach_opts *o, int socket, int *ret_status,
                 struct shale_err *e)
{
    struct attached x = {.a = a,
                         .c = c,
                         .terminal = isatty(o->in)    ? o->in
                                     : isatty(o->out) ? o->out
                                                      : -1};
    struct ctr_run run;
    int r = ctr_run_load(h, c, a, &run, e);

    if (r >= 0) {
        x.init = run.init;
        r = carry(h, &x, o, socket, e);
    }
    close(socket);
    if (r < 0)
        return r;
    if (ret_status)
        *ret_status = -1;
    if (r == 1)
        ctr_event(h, &c->row, EVENT_CONTAINER_DETACH, NULL, NULL);
    return r == 1 || !ret_status ? 0 : ctr_wait_end(h, a, c, ret_status, e);
}

/* ---- attaching to one that runs, or will ---- */

static int check_state(const struct ctr *c, bool before_start, struct shale_err *e)
{
    if (ctr_is(c, CTR_PAUSED))
        return err_set(e, SHALE_CONFLICT,
                       "You cannot attach to a paused container, unpause it first");
    if (ctr_is(c, CTR_RESTARTING))
        return err_set(e, SHALE_CONFLICT,
                       "You cannot attach to a restarting container, wait until it is running");
    if (!before_start && ctr_need_running(c, NULL) < 0)
        return err_set(e, SHALE_CONFLICT,
                       "You cannot attach to a stopped container, start it first");
    return 0;
}

static int tell_ready(struct shale_attach_opts *o)
{
    return o->on_ready ? o->on_ready(o->arg, o) : 0;
}

/* conmon listens early, but takes input rightly only once its process is there: when who starts it
 * has noted that, and before the process begins. 1: it will not start any more, or nobody waits for
 * it. */
static int await_socket(struct container_host *h, struct arena *a, struct ctr *c,
                        const struct shale_attach_opts *o, int *ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena own = ARENA_INIT(PATH_MAX_BYTES);
    const char *noted = ctr_path(c, &own, "run");
    int64_t began = c->row.run.started_ns, since_ns = time_mono_ns();
    int64_t look_ns = since_ns + ROW_PAUSE_NS;

    if (!noted)
        return err_nomem(e);
    for (;;) {
        int fd = fs_exists(AT_FDCWD, noted) ? attach_connect(h, c, NULL) : -1;
        if (fd >= 0) {
            *ret = fd;
            return 0;
        }
        if (o->hangup && relay_hung_up(o->out >= 0 ? o->out : o->err >= 0 ? o->err : o->in))
            return 1;
        int r = cancel_check(h->cancel, e);
        if (r < 0)
            return r;
        if (time_mono_ns() >= look_ns) {
            r = ctr_has_moved(h, c, NULL);
            if (r == 1)
                r = ctr_look(h, a, c, NULL);
            if (r == -SHALE_NOT_FOUND ||
                (r >= 0 && c->row.run.started_ns != began && ctr_need_running(c, NULL) < 0))
                return 1;
            look_ns = time_mono_ns() + ROW_PAUSE_NS;
        }
        const struct timespec pause = {.tv_nsec = ctr_pause_ns(since_ns, SHORTEST_PAUSE_NS)};
        (void)nanosleep(&pause, NULL);
    }
}

static int attach_pending(struct container_host *h, struct arena *a, struct ctr *c,
                          struct shale_attach_opts *o, int *ret_status, struct shale_err *e)
{
    _cleanup_close_ int hold = ctr_hold_start(h, c, e);
    int socket, r = hold < 0 ? hold : ctr_reload(h, a, c, e);

    if (r >= 0)
        r = check_state(c, true, e);
    if (r < 0)
        return r;
    r = tell_ready(o);
    if (r >= 0)
        r = await_socket(h, a, c, o, &socket, e);
    if (r != 0)
        return r < 0 ? r : 0;
    close(TAKE_FD(hold));
    return attach_relay(h, a, c, o, socket, ret_status, e);
}

int container_attach(struct container_host *h, const char *container,
                     const struct shale_attach_opts *given, int *ret_status, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct shale_attach_opts own = *given, *o = &own;
    struct keys keys;
    struct ctr c;
    int r = ctr_find(h, container, &a, &c, e);

    if (r >= 0)
        r = check_state(&c, o->before_start, e);
    if (r >= 0)
        r = take_keys(&c, o, &keys, e); /* before anything is said to have begun */
    if (r < 0)
        return r;
    if (ret_status)
        *ret_status = -1;
    if (ctr_need_running(&c, NULL) < 0) {
        ctr_event(h, &c.row, EVENT_CONTAINER_ATTACH, NULL, NULL);
        return attach_pending(h, &a, &c, o, ret_status, e);
    }
    _cleanup_close_ int hold = ret_status ? ctr_hold(h, &c, e) : -1;
    if (ret_status && hold < 0)
        return hold;
    int socket = attach_connect(h, &c, e);
    if (socket == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_UNSUPPORTED,
                       "container %.12s was started in the foreground by another command: only "
                       "that one holds its "
                       "streams; `shale logs -f` shows them",
                       c.row.id);
    if (socket < 0)
        return socket;
    ctr_event(h, &c.row, EVENT_CONTAINER_ATTACH, NULL, NULL);
    r = tell_ready(o);
    if (r >= 0)
        return attach_relay(h, &a, &c, o, socket, ret_status, e);
    close(socket);
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/watched.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "container/relay.h"
#include "container/spawn.h"

#define STOP_PAUSE_MS 10
#define STOP_TRIES    200 /* before the runtime itself is asked to end */

static void release_held(struct watched *w)
{
    pidwatch_release(&w->watch);
    if (w->watch.held.n > 0) {
        w->on_output(w->arg, 2, w->watch.held.p, w->watch.held.n);
        relay_write(w->err, w->watch.held.p, w->watch.held.n);
    }
    buf_reset(&w->watch.held);
}

static bool on_output(void *arg, int stream, const char *p, size_t n)
{
    struct watched *w = arg;

    pidwatch_hurry(&w->watch);
    if (stream == 2 && pidwatch_hold(&w->watch, p, n))
        return false;
    if (stream == 2)
        release_held(w);
    w->on_output(w->arg, stream, p, n);
    return true;
}

static void on_event(void *arg)
{
    struct watched *w = arg;

    if (!pidwatch_look(&w->watch))
        return;
    w->init = w->watch.init; /* first: on_output asks for it */
    release_held(w);
    if (w->on_start)
        w->on_start(w->arg);
    for (int sig = 1; sig < 64; sig++)
        if (w->pending & UINT64_C(1) << sig)
            (void)process_kill(&w->init, sig, NULL);
}

static void on_signal(void *arg, int sig)
{
    struct watched *w = arg;

    if (w->init.pid > 0)
        (void)process_kill(&w->init, sig, NULL);
    else
        w->pending |= UINT64_C(1) << sig;
    pidwatch_hurry(&w->watch);
}

static int start(struct watched *w, struct arena *a, int out, int err, pid_t *ret_pid,
                 int *ret_pidfd, struct shale_err *e)
{
    const char *const rest[] = {"run", "--bundle", w->dir, "--pid-file", w->watch.pidfile,
                                w->id, NULL};
    const char **argv;
    int r = runtime_argv(w->rt, w->log, rest, a, &argv, e);

    if (r < 0)
        return r;
    struct spawn_opts o = {.argv = argv, .in = -1, .out = out, .err = err, .new_session = true};
    return spawn_start(&o, ret_pid, ret_pidfd, e);
}

static int carry(struct watched *w, struct spawn_pipe *po, struct spawn_pipe *pe, int pidfd,
                 struct shale_err *e)
{
    struct relay_signals sig;
    int r = relay_signals_take(&sig, w->sig_proxy, false, e);

    if (r < 0)
        return r;
    struct relay relay = {
        .from = {po->r, pe->r},
        .to = -1,
        .pass_break = true,
        .child = pidfd,
        .in = -1,
        .out = w->out,
        .err = w->err,
        .on_output = on_output,
        .event = w->watch.tick,
        .on_event = on_event,
        .signals = sig.fd,
        .on_signal = on_signal,
        .arg = w,
        .cancel = w->cancel,
    };
    r = relay_run(&relay, e);
    po->r = relay.from[0];
    pe->r = relay.from[1];
    relay_signals_restore(&sig);
    return r;
}

/* false: nothing more comes. */
static bool throw_away(int fd)
{
    char waste[4096];
    ssize_t n = read(fd, waste, sizeof waste);

    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* A command that has begun to write may be without a pid here for a moment, or for long on a busy
 * machine: it is looked for until it is there or the runtime gone. (The runtime would pass SIGTERM
 * on to it, and as the first process of its namespace it need not care.) What it has written is
 * taken, for the runtime does not end before. */
static void stop(struct watched *w, pid_t pid, int pidfd, int out, int err)
{
    struct pollfd p[] = {{pidfd, POLLIN, 0}, {out, POLLIN, 0}, {err, POLLIN, 0}};
    bool killed = false;
    int n_tries = 0;

    pidwatch_hurry(&w->watch);
    while (p[0].revents == 0 && (pidfd >= 0 || p[1].fd >= 0 || p[2].fd >= 0)) {
        if (w->init.pid <= 0 && pidwatch_look(&w->watch))
            w->init = w->watch.init;
        if (w->init.pid > 0 && !killed) {
            (void)process_kill(&w->init, SIGKILL, NULL);
            killed = true;
        } else if (!killed && n_tries++ == STOP_TRIES) {
            (void)kill(pid, SIGTERM);
        }
        if (poll(p, ARRAY_SIZE(p), killed ? -1 : STOP_PAUSE_MS) < 0 && errno != EINTR)
            return;
        for (size_t i = 1; i < ARRAY_SIZE(p); i++)
            if (p[i].fd >= 0 && p[i].revents && !throw_away(p[i].fd))
                p[i].fd = -1;
    }
}

/* Whether it ran or was refused is in the runtime's own log. */
static void settle(struct watched *w, int status)
{
    w->words[0] = 0;
    if (status != 0)
        runtime_words(w->log, NULL, 0, w->words, sizeof w->words);
    if (!w->words[0] || w->init.pid > 0)
        release_held(w);
}

int watched_run(struct watched *w, struct arena *a, int *ret_status, struct shale_err *e)
{
    _cleanup_(spawn_pipe_close) struct spawn_pipe po = SPAWN_PIPE_NONE;
    _cleanup_(spawn_pipe_close) struct spawn_pipe pe = SPAWN_PIPE_NONE;
    const char *pidfile;
    int pidfd = -1, status, r = runtime_pidfile(w->id, a, &pidfile, e);
    pid_t pid = -1;

    *ret_status = -1;
    w->watch = (struct pidwatch)PIDWATCH_NONE;
    if (r >= 0)
        r = pidwatch_open(&w->watch, pidfile, e);
    if (r >= 0)
        r = spawn_pipe_open(&po, e);
    if (r >= 0)
        r = spawn_pipe_open(&pe, e);
    if (r >= 0)
        r = start(w, a, po.w, pe.w, &pid, &pidfd, e);
    if (r >= 0) {
        close(TAKE_FD(po.w));
        close(TAKE_FD(pe.w));
        r = carry(w, &po, &pe, pidfd, e);
        if (r < 0) /* asked to stop, or broken: it does not outlive its watcher */
            stop(w, pid, pidfd, po.r, pe.r);
        int waited = spawn_wait(pid, &status, r < 0 ? NULL : e);
        if (waited >= 0) {
            *ret_status = status;
            settle(w, status);
        } else if (r >= 0) {
            r = waited;
        }
    }
    if (pidfd >= 0)
        close(pidfd);
    pidwatch_close(&w->watch);
    return r;
}

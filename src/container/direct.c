/* SPDX-License-Identifier: Apache-2.0 */
/* `runtime run` under our own eyes: one process less than with conmon, and nothing to wait for. */
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "container/logwrite.h"
#include "container/pidwatch.h"
#include "container/spawn.h"
#include "container/start_priv.h"

#define WORDS_MAX 400

struct direct {
    struct start *s;
    struct logwrite log;
    const char *runtime_log;
    struct ctr_run run;
    struct pidwatch watch;
    uint64_t pending; /* signals that came before the process was known */
    bool told;        /* that it has started */
};

static void release_held(struct direct *d)
{
    pidwatch_release(&d->watch);
    if (d->watch.held.n > 0) {
        logwrite_put(&d->log, 2, d->watch.held.p, d->watch.held.n);
        relay_write(d->s->attach->err, d->watch.held.p, d->watch.held.n);
    }
    buf_reset(&d->watch.held);
}

static bool on_output(void *arg, int stream, const char *p, size_t n)
{
    struct direct *d = arg;

    pidwatch_hurry(&d->watch);
    if (stream == 2 && pidwatch_hold(&d->watch, p, n))
        return false;
    if (stream == 2)
        release_held(d);
    logwrite_put(&d->log, stream, p, n);
    return true;
}

/* The container runs: now others may find it. */
static void on_event(void *arg)
{
    struct direct *d = arg;
    struct start *s = d->s;

    if (!pidwatch_look(&d->watch))
        return;
    release_held(d);
    d->run.init = d->watch.init;
    if (ctr_run_save(s->h, s->c, &d->run, NULL) >= 0 && start_mark_running(s, &d->run, NULL) >= 0 &&
        s->lock >= 0) {
        start_tell(s);
        d->told = true;
        close(s->lock);
        s->lock = -1;
    }
    for (int sig = 1; sig < 64; sig++)
        if (d->pending & UINT64_C(1) << sig)
            (void)process_kill(&d->run.init, sig, NULL);
}

static void on_signal(void *arg, int sig)
{
    struct direct *d = arg;

    if (d->run.init.pid > 0)
        (void)process_kill(&d->run.init, sig, NULL);
    else
        d->pending |= UINT64_C(1) << sig;
    pidwatch_hurry(&d->watch);
}

static int prepare(struct direct *d, struct shale_err *e)
{
    struct start *s = d->s;
    const char *log = ctr_path(s->c, s->a, "ctr.log"), *pidfile;
    int r;

    d->runtime_log = ctr_path(s->c, s->a, "runtime.log");
    if (!d->runtime_log || !log)
        return err_nomem(e);
    r = logwrite_open(&d->log, log, e);
    if (r >= 0)
        r = runtime_pidfile(s->c->row.id, s->a, &pidfile, e);
    if (r >= 0)
        r = pidwatch_open(&d->watch, pidfile, e);
    if (r < 0)
        return r;
    d->run.monitor = process_find(getpid());
    d->run.runtime = s->rt;
    return 0;
}

static int spawn_runtime(struct direct *d, int out, int err, pid_t *ret_pid, int *ret_pidfd,
                         struct shale_err *e)
{
    struct start *s = d->s;
    const char *const rest[] = {"run",        "--bundle", s->c->dir, "--pid-file", d->watch.pidfile,
                                s->c->row.id, NULL};
    const char **argv;
    int r = runtime_argv(&s->rt, d->runtime_log, rest, s->a, &argv, e);

    if (r < 0)
        return r;
    struct spawn_opts o = {.argv = argv, .in = -1, .out = out, .err = err, .new_session = true};
    return spawn_start(&o, ret_pid, ret_pidfd, e);
}

static int carry(struct direct *d, struct spawn_pipe *po, struct spawn_pipe *pe, int pidfd,
                 struct shale_err *e)
{
    const struct shale_attach_opts *at = d->s->attach;
    struct relay_signals sig;
    int r = relay_signals_take(&sig, at->sig_proxy, false, e);

    if (r < 0)
        return r;
    struct relay relay = {
        .from = {po->r, pe->r},
        .to = -1,
        .pass_break = true,
        .child = pidfd,
        .in = -1,
        .out = at->out,
        .err = at->err,
        .on_output = on_output,
        .event = d->watch.tick,
        .on_event = on_event,
        .signals = sig.fd,
        .on_signal = on_signal,
        .arg = d,
        .cancel = d->s->h->cancel,
    };
    r = relay_run(&relay, e);
    po->r = relay.from[0];
    pe->r = relay.from[1];
    relay_signals_restore(&sig);
    return r;
}

/* The end: whether it ran or was refused is in the runtime's own log. */
static int settle(struct direct *d, int status, int *ret_status, struct shale_err *e)
{
    struct start *s = d->s;
    char words[WORDS_MAX] = "";

    if (status != 0)
        runtime_words(d->runtime_log, NULL, 0, words, sizeof words);
    if (words[0] && !ctr_is(s->c, CTR_RUNNING))
        return runtime_refusal(RUNTIME_CREATE_FAILED, words, e);
    release_held(d);
    if (!d->told) /* it has come and gone before it was seen */
        start_tell(s);
    if (s->lock < 0) {
        s->lock = ctr_lock(s->h, s->c, e);
        if (s->lock < 0)
            return s->lock;
    }
    (void)ctr_reload(s->h, s->a, s->c, NULL); /* a restart takes auto_remove away meanwhile */
    int r = ctr_finish(s->h, s->a, s->c, status, e);
    if (r == -SHALE_NOT_FOUND) /* somebody has removed it */
        r = 0;
    s->c->row.run.state = CTR_EXITED;
    *ret_status = status;
    return words[0] && r >= 0 ? runtime_refusal(RUNTIME_CREATE_FAILED, words, e) : r;
}

int direct_run(struct start *s, int *ret_status, struct shale_err *e)
{
    _cleanup_(spawn_pipe_close) struct spawn_pipe po = SPAWN_PIPE_NONE;
    _cleanup_(spawn_pipe_close) struct spawn_pipe pe = SPAWN_PIPE_NONE;
    struct direct d = {.s = s, .log = {.fd = -1}, .watch = PIDWATCH_NONE};
    int pidfd = -1, status, r = prepare(&d, e);
    pid_t pid = -1;

    if (r >= 0)
        r = spawn_pipe_open(&po, e);
    if (r >= 0)
        r = spawn_pipe_open(&pe, e);
    if (r >= 0)
        r = spawn_runtime(&d, po.w, pe.w, &pid, &pidfd, e);
    if (r >= 0) {
        close(TAKE_FD(po.w));
        close(TAKE_FD(pe.w));
        r = carry(&d, &po, &pe, pidfd, e);
        if (r < 0) { /* asked to stop, or broken: it does not outlive its watcher */
            if (d.run.init.pid > 0)
                (void)process_kill(&d.run.init, SIGKILL, NULL);
            else
                (void)kill(pid, SIGTERM);
        }
        int w = spawn_wait(pid, &status, r < 0 ? NULL : e);
        if (r >= 0)
            r = w >= 0 ? settle(&d, status, ret_status, e) : w;
        else if (w >= 0)
            (void)settle(&d, status, ret_status, NULL);
    }
    if (pidfd >= 0)
        close(pidfd);
    pidwatch_close(&d.watch);
    logwrite_close(&d.log);
    return r;
}

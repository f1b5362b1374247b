/* SPDX-License-Identifier: Apache-2.0 */
/* `runtime run` under our own eyes: one process less than with conmon, and nothing to wait for. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "container/logrotate.h"
#include "container/logwrite.h"
#include "container/start_priv.h"
#include "container/streamer.h"
#include "container/watched.h"

struct direct {
    struct start *s;
    struct logwrite log;
    struct watched watched;
    bool told;            /* that it has started */
    int failed;           /* of a watcher: nobody could be told so; */
    struct shale_err why; /* … why, for who has asked for it */
};

static bool is_alive(void *arg)
{
    return process_alive(arg);
}

static void on_output(void *arg, int stream, const char *p, size_t n)
{
    struct direct *d = arg;

    logwrite_put(&d->log, stream, p, n);
    if (d->s->streams)
        streamer_put(d->s->streams, stream, p, n, is_alive, &d->watched.init);
}

/* The container runs: now others may find it. */
static void on_start(void *arg)
{
    struct direct *d = arg;
    struct start *s = d->s;
    struct ctr_run run = {d->watched.init, process_find(getpid()), s->rt};
    int r = ctr_run_save(s->h, s->c, &run, &d->why);

    if (r >= 0)
        r = start_mark_running(s, &run, &d->why);
    if (r < 0 && s->ready >= 0) {
        d->failed = r;
        (void)process_kill(&run.init, SIGKILL, NULL);
    } else if (r >= 0 && (s->lock >= 0 || s->ready >= 0)) {
        start_tell(s);
        d->told = true;
        watcher_ready(s);
        if (s->lock >= 0)
            close(TAKE_FD(s->lock));
    }
}

/* For who waits for it, and holds its removal up until he knows. */
static void note_status(struct start *s, int status)
{
    const char *path = ctr_path(s->c, s->a, s->c->row.id);
    char text[16];
    int n = snprintf(text, sizeof text, "%d", status);

    if (path)
        (void)fs_write_atomic(AT_FDCWD, path, text, (size_t)n, 0600, false, NULL);
}

/* The end: whether it ran or was refused. */
static int settle(struct direct *d, int status, int *ret_status, struct shale_err *e)
{
    const char *words = d->watched.words;
    struct start *s = d->s;

    if (words[0] && !ctr_is(s->c, CTR_RUNNING) && d->failed >= 0) {
        s->c->row.run.state = CTR_CREATED; /* it never ran, whatever it did before */
        return runtime_refusal(RUNTIME_CREATE_FAILED, words, e);
    }
    /* It has come and gone before it was seen; who waits for it elsewhere waits for its start. */
    if (!d->told && s->ready >= 0 && d->failed >= 0)
        on_start(d);
    if (d->failed < 0) {
        if (e)
            *e = d->why;
        return d->failed;
    }
    if (!d->told)
        start_tell(s);
    watcher_ready(s);
    if (s->lock < 0) {
        s->lock = ctr_lock(s->h, s->c, e);
        if (s->lock < 0)
            return s->lock;
    }
    /* a restart takes auto_remove away meanwhile */
    if (ctr_reload(s->h, s->a, s->c, NULL) != -SHALE_NOT_FOUND)
        note_status(s, status);
    int r = ctr_finish(s->h, s->a, s->c, status, e);
    if (r == -SHALE_NOT_FOUND) /* somebody has removed it */
        r = 0;
    s->c->row.run.state = CTR_EXITED;
    *ret_status = status;
    return words[0] && r >= 0 ? runtime_refusal(RUNTIME_CREATE_FAILED, words, e) : r;
}

int direct_run(struct start *s, int *ret_status, struct shale_err *e)
{
    const struct shale_attach_opts *at = s->attach;
    const char *log = ctr_path(s->c, s->a, "ctr.log");
    const char *runtime_log = ctr_path(s->c, s->a, "runtime.log");
    struct direct d = {.s = s, .log = {.fd = -1}};
    int status = -1, r = log && runtime_log ? 0 : err_nomem(e);

    if (r >= 0 && !logrotate_value(&s->c->conf).none)
        r = logwrite_open(&d.log, log, e);

    d.watched = (struct watched){
        .rt = &s->rt,
        .id = s->c->row.id,
        .dir = s->c->dir,
        .log = runtime_log,
        .out = at->out,
        .err = at->err,
        .sig_proxy = at->sig_proxy,
        .on_output = on_output,
        .on_start = on_start,
        .arg = &d,
        .cancel = s->h->cancel,
    };
    if (r >= 0)
        r = watched_run(&d.watched, s->a, &status, e);
    if (s->streams) /* those who are attached see the end */
        streamer_close(s->streams);
    if (r >= 0)
        r = settle(&d, status, ret_status, e);
    else if (status >= 0)
        (void)settle(&d, status, ret_status, NULL);
    else
        s->c->row.run.state = CTR_CREATED;
    logwrite_close(&d.log);
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/keep.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "container/health.h"
#include "container/logrotate.h"
#include "container/spawn.h"

#define KEEPER_FILE      "keeper"
#define KEEPER_MAX_BYTES 256
#define COMMAND_MAX      16
#define READY            '\n' /* what a keeper that is ready writes; another text is its complaint */
#define WAIT_POLL_MS     100  /* how soon a waiting keeper sees that it is not wanted any more */
#define RECORD_POLL_MS   5

/* ---- about it ---- */

bool keep_is_wanted(const struct conf *f)
{
    return f->restart.when != RESTART_NO || health_is_probed(&f->health) || logrotate_is_wanted(f);
}

struct process keep_process(struct container_host *h, const struct ctr *c)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const char *path = ctr_path(c, &a, KEEPER_FILE);
    const char *text = path ? fs_read_text(AT_FDCWD, path, &a, KEEPER_MAX_BYTES, NULL) : NULL;
    unsigned long long start;
    char boot[64];
    int pid;

    if (!text || sscanf(text, "%d %llu %63s", &pid, &start, boot) != 3 ||
        !streq(boot, store_boot_id(h->store)))
        return (struct process){0};
    return (struct process){pid, start};
}

bool keep_is_alive(struct container_host *h, const struct ctr *c)
{
    struct process p = keep_process(h, c);

    return process_alive(&p);
}

bool keep_restarts(const struct meta_container *row, int status)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct conf f;

    /* read anew: `update` may have changed it while it ran */
    return !row->run.stopped && !row->auto_remove && conf_parse(row->config, &a, &f, NULL) >= 0 &&
           restart_applies(&f.restart, status, row->run.restarts);
}

/* ---- starting one ---- */

static int could_not(const char *words, struct shale_err *e)
{
    return err_set(e, SHALE_SYSTEM, "the keeper of the container could not start%s%s",
                   *words ? ": " : "", words);
}

int keep_launch(const char *const *command, const char *id, const char *more,
                char ret_words[KEEP_WORDS_MAX], struct shale_err *e)
{
    _cleanup_(spawn_pipe_close) struct spawn_pipe p = SPAWN_PIPE_NONE;
    const char *argv[COMMAND_MAX + 3];
    size_t n = 0, n_words = 0;
    pid_t pid;
    int r, status;

    for (; command[n] && n < COMMAND_MAX; n++)
        argv[n] = command[n];
    argv[n++] = id;
    if (more)
        argv[n++] = more;
    argv[n] = NULL;
    r = spawn_pipe_open(&p, e);
    if (r < 0)
        return r;
    struct spawn_opts o = {
        .argv = argv, .in = -1, .out = p.w, .err = -1, .dir = "/", .new_session = true};
    r = spawn_start(&o, &pid, NULL, e);
    if (r < 0)
        return r;
    close(TAKE_FD(p.w));
    if (sys_read_full(p.r, ret_words, KEEP_WORDS_MAX - 1, &n_words) < 0)
        r = err_sys(e, "read from the keeper of a container");
    ret_words[n_words] = 0;
    int w = spawn_wait(pid, &status, r < 0 ? NULL : e); /* the first process goes at once */
    return r < 0 ? r : w;
}

int keep_ensure(struct container_host *h, const struct ctr *c, struct shale_err *e)
{
    char words[KEEP_WORDS_MAX];

    if (keep_is_alive(h, c))
        return 0;
    if (!h->keeper_command)
        return err_set(e, SHALE_UNSUPPORTED,
                       "restart policies, health checks and limits of logs are kept by the program "
                       "shale, which this one is not");
    int r = keep_launch(h->keeper_command, c->row.id, NULL, words, e);
    return r < 0 || words[0] == READY ? r : could_not(words, e);
}

int keep_exec(struct container_host *h, const struct ctr *c, const char *exec_id, int *ret_status,
              struct shale_err *e)
{
    char words[KEEP_WORDS_MAX];
    int r = keep_launch(h->keeper_command, c->row.id, exec_id, words, e);

    if (r < 0)
        return r;
    return sscanf(words, KEEP_EXEC_STATUS, ret_status) == 1 ? 0 : could_not(words, e);
}

int keep_again(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e)
{
    if (!keep_is_wanted(&c->conf) || keep_is_alive(h, c))
        return 0;
    _cleanup_close_ int lock = ctr_lock(h, c, e);
    int r = lock < 0 ? lock : ctr_reload(h, a, c, e);

    return r < 0 || ctr_need_running(c, NULL) < 0 ? r : keep_ensure(h, c, e);
}

/* ---- being one ---- */

struct keeper {
    struct container_host *h;
    const char *id;
    int64_t pause_ns; /* before the last restart, 0: none yet */
};

static int load(struct keeper *k, struct arena *a, struct ctr *ret, struct shale_err *e)
{
    struct meta_container row;
    int r = meta_container_get(store_meta(k->h->store), k->id, a, &row, e);

    return r < 0 ? r : ctr_of_row(k->h, &row, a, ret, e);
}

/* 1: still in that start. 0: its end has been recorded, or it runs in another one. */
static int same_run(struct keeper *k, const struct ctr *was, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c = *was;
    int r = ctr_reload(k->h, &a, &c, e);

    if (r >= 0)
        r = ctr_refresh(k->h, &a, &c, e);
    if (r < 0)
        return r;
    return ctr_need_running(&c, NULL) >= 0 && c.row.run.started_ns == was->row.run.started_ns;
}

/* -1: never. */
static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Until its process is no more, with checks of its health and of the size of its log. */
static int attend(struct keeper *k, const struct ctr *c, const struct process *init,
                  struct shale_err *e)
{
    struct health health = HEALTH_INIT;
    struct logrotate log = {.told = 0};
    int r = health_begin(&health, k->h, c, e), ended = 0;

    while (r >= 0 && !ended) {
        int64_t wait_ms = sooner(health_wait_ms(&health), logrotate_wait_ms(&c->conf));
        r = ended = process_wait(init, wait_ms, k->h->cancel, e);
        if (r == 0)
            logrotate_look(&log, c);
        if (r == 0 && health_wait_ms(&health) == 0)
            r = health_probe(&health, k->h, e);
    }
    health_end(&health);
    return r;
}

/* Until it has ended and somebody, or we, have written that down. */
static int watch(struct keeper *k, struct arena *a, const struct ctr *c, struct shale_err *e)
{
    struct ctr_run run;
    int r = ctr_run_load(k->h, c, a, &run, e);

    if (r >= 0)
        r = attend(k, c, &run.init, e);
    while (r >= 0) {
        r = same_run(k, c, e);
        if (r <= 0)
            return r;
        poll(NULL, 0, RECORD_POLL_MS);
        r = cancel_check(k->h->cancel, e);
    }
    return r;
}

/* 1: the time is over, 0: it does not wait for us any more. */
static int wait_pause(struct keeper *k, int64_t end_ns, struct shale_err *e)
{
    for (;;) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
        int64_t left_ms = (end_ns - time_mono_ns()) / NS_PER_MS;
        struct ctr c;
        int r = cancel_check(k->h->cancel, e);

        if (r >= 0)
            r = load(k, &a, &c, e);
        if (r < 0)
            return r;
        if (!ctr_is(&c, CTR_RESTARTING) || left_ms <= 0)
            return ctr_is(&c, CTR_RESTARTING);
        poll(NULL, 0, left_ms < WAIT_POLL_MS ? (int)left_ms + 1 : WAIT_POLL_MS);
    }
}

static int restart(struct keeper *k, const struct ctr *c, struct shale_err *e)
{
    const struct meta_container_run *was = &c->row.run;

    k->pause_ns = restart_pause_ns(k->pause_ns, was->finished_ns - was->started_ns);
    int r = wait_pause(k, time_mono_ns() + k->pause_ns, e);
    if (r <= 0)
        return r;
    ctr_await_holders(k->h, c);           /* who waits for its end sees it */
    (void)start_again(k->h, k->id, NULL); /* what was wrong is in the row */
    return 0;
}

/* 1: it runs again after all. */
static int leave(struct keeper *k, struct arena *a, struct ctr *c, struct shale_err *e)
{
    const char *path = ctr_path(c, a, KEEPER_FILE);
    _cleanup_close_ int lock = ctr_lock(k->h, c, e);
    int r = lock < 0 ? lock : ctr_reload(k->h, a, c, e);

    if (r < 0 || ctr_is_live(c))
        return r < 0 ? r : 1;
    return path ? sys_unlinkat(AT_FDCWD, path, 0) : 0;
}

/* 1: there is more to do. */
static int step(struct keeper *k, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c;
    int r = load(k, &a, &c, e);

    if (r < 0)
        return r;
    if (ctr_need_running(&c, NULL) >= 0)
        r = watch(k, &a, &c, e);
    else if (ctr_is(&c, CTR_RESTARTING))
        r = restart(k, &c, e);
    else
        return leave(k, &a, &c, e);
    return r < 0 ? r : 1;
}

static int sign_in(struct keeper *k, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c;
    int r = load(k, &a, &c, e);

    if (r < 0)
        return r;
    const char *text = ctr_starter(k->h, &a), *path = ctr_path(&c, &a, KEEPER_FILE);
    return text && path ? fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, false, e)
                        : err_nomem(e);
}

int container_keep(struct container_host *h, const char *id, int ready_fd, struct shale_err *e)
{
    struct keeper k = {.h = h, .id = id};
    const char ready = READY;
    int r = sign_in(&k, e);

    if (r >= 0 && sys_write_all(ready_fd, &ready, 1) < 0)
        r = err_sys(e, "tell that the keeper is ready");
    close(ready_fd);
    do
        r = r < 0 ? r : step(&k, e);
    while (r > 0);
    return r == -SHALE_NOT_FOUND ? 0 : r;
}

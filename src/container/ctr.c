/* SPDX-License-Identifier: Apache-2.0 */
#include "container/ctr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "container/cgroup.h"
#include "container/keep.h"
#include "container/events.h"
#include "container/endpoint.h"
#include "container/image_mount.h"
#include "container/links.h"
#include "container/spaces.h"
#include "container/volume.h"
#include "container/volume_mount.h"
#include "container/volumes.h"

#define RUN_MAX_BYTES    8192
#define STATUS_MAX       64
#define MONITOR_WAIT_MS  10000 /* between the end of a process and the note of its status */
#define HOLD_WAIT_MS     2000  /* how long a removal waits for those who want the status */
#define ATTACH_WAIT_MS   30000 /* and a start for those who want to be attached first */
#define HOLD_STEP_US     1000
#define PAUSE_SHARE      32
#define LONGEST_PAUSE_NS (250 * NS_PER_MS)

/* ---- loading ---- */

int ctr_of_row(struct container_host *h, const struct meta_container *row, struct arena *a,
               struct ctr *ret, struct shale_err *e)
{
    struct ctr c = {.row = *row};
    int r = conf_parse(row->config, a, &c.conf, e);

    if (r < 0)
        return err_wrap(e, r, "container %.12s", row->id);
    c.dir = arena_printf(a, "%s/containers/%s", store_root(h->store), row->id);
    if (!c.dir)
        return err_nomem(e);
    c.conf.auto_remove = row->auto_remove;
    *ret = c;
    return 0;
}

int ctr_find(struct container_host *h, const char *text, struct arena *a, struct ctr *ret,
             struct shale_err *e)
{
    struct meta_container row;
    int r = meta_container_find(store_meta(h->store), text, a, &row, e);

    if (r < 0)
        return r;
    r = ctr_of_row(h, &row, a, ret, e);
    if (r < 0)
        return r;
    r = ctr_refresh(h, a, ret, e);
    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_NOT_FOUND, "No such container: %.300s", text);
    return r < 0 ? r : 0;
}

/* Outside of the folder, so that removing the folder does not race with those who wait to be let
 * in. */
static void lock_name(const struct ctr *c, const char *what, char ret[128])
{
    (void)snprintf(ret, 128, "locks/%s-%s", what, c->row.id);
}

/* Of one without a row: whoever waits for them finds none, too. */
static void drop_locks(struct container_host *h, const struct ctr *c)
{
    static const char *const all[] = {"waiters", "attachers", "container"};
    char name[128];

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        lock_name(c, all[i], name);
        (void)sys_unlinkat(store_root_fd(h->store), name, 0);
    }
}

int ctr_reload(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e)
{
    struct meta_container row;
    int r = meta_container_get(store_meta(h->store), c->row.id, a, &row, e);

    if (r == -SHALE_NOT_FOUND) /* taking a lock has made its file again */
        drop_locks(h, c);
    if (r >= 0 && !streq(row.config, c->row.config))
        r = conf_parse(row.config, a, &c->conf, e);
    if (r < 0)
        return r;
    c->row = row;
    return 0;
}

int ctr_look(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e)
{
    struct arena fresh = ARENA_INIT(a->max_bytes);
    struct meta_container row;
    struct ctr now;
    int r = meta_container_get(store_meta(h->store), c->row.id, &fresh, &row, e);

    if (r == -SHALE_NOT_FOUND)
        drop_locks(h, c);
    if (r >= 0)
        r = ctr_of_row(h, &row, &fresh, &now, e);
    if (r < 0) {
        arena_clear(&fresh);
        return r;
    }
    arena_clear(a);
    *a = fresh;
    *c = now;
    return 0;
}

int ctr_has_moved(struct container_host *h, const struct ctr *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const struct meta_container_run *was = &c->row.run, *now;
    struct meta_container row;
    int r = meta_container_get(store_meta(h->store), c->row.id, &a, &row, e);

    if (r == -SHALE_NOT_FOUND)
        drop_locks(h, c);
    if (r < 0)
        return r;
    now = &row.run;
    return !streq(now->state, was->state) || now->started_ns != was->started_ns ||
           now->finished_ns != was->finished_ns;
}

int64_t ctr_pause_ns(int64_t since_ns, int64_t least_ns)
{
    int64_t ns = (time_mono_ns() - since_ns) / PAUSE_SHARE;

    return ns < least_ns ? least_ns : ns > LONGEST_PAUSE_NS ? LONGEST_PAUSE_NS : ns;
}

bool ctr_is(const struct ctr *c, const char *state)
{
    return streq(c->row.run.state, state);
}

const char *ctr_path(const struct ctr *c, struct arena *a, const char *name)
{
    return arena_printf(a, "%s/%s", c->dir, name);
}

bool ctr_is_live(const struct ctr *c)
{
    return ctr_is(c, CTR_RUNNING) || ctr_is(c, CTR_PAUSED) || ctr_is(c, CTR_RESTARTING);
}

int ctr_need_running(const struct ctr *c, struct shale_err *e)
{
    if (ctr_is(c, CTR_RUNNING) || ctr_is(c, CTR_PAUSED))
        return 0;
    if (ctr_is(c, CTR_RESTARTING))
        return err_set(e, SHALE_CONFLICT,
                       "Container %s is restarting, wait until the container is running",
                       c->row.id);
    return err_set(e, SHALE_CONFLICT, "container %s is not running", c->row.id);
}

int ctr_lock(struct container_host *h, const struct ctr *c, struct shale_err *e)
{
    char name[128];

    lock_name(c, "container", name);
    return lock_take(store_root_fd(h->store), name, LOCK_EXCLUSIVE, h->cancel, e);
}

static int hold(struct container_host *h, const struct ctr *c, const char *what,
                struct shale_err *e)
{
    char name[128];

    lock_name(c, what, name);
    return lock_take(store_root_fd(h->store), name, LOCK_SHARED, h->cancel, e);
}

static void await_holders(struct container_host *h, const struct ctr *c, const char *what,
                          int64_t most_ms)
{
    int64_t end = time_mono_ns() + most_ms * NS_PER_MS;
    char name[128];

    lock_name(c, what, name);
    if (!fs_exists(store_root_fd(h->store), name))
        return;
    for (;;) {
        _cleanup_close_ int fd = lock_try(store_root_fd(h->store), name, LOCK_EXCLUSIVE, NULL);
        if (fd != -SHALE_IN_USE || time_mono_ns() > end)
            return;
        usleep(HOLD_STEP_US);
    }
}

int ctr_hold(struct container_host *h, const struct ctr *c, struct shale_err *e)
{
    return hold(h, c, "waiters", e);
}

void ctr_await_holders(struct container_host *h, const struct ctr *c)
{
    await_holders(h, c, "waiters", HOLD_WAIT_MS);
}

int ctr_hold_start(struct container_host *h, const struct ctr *c, struct shale_err *e)
{
    return hold(h, c, "attachers", e);
}

void ctr_await_attachers(struct container_host *h, const struct ctr *c)
{
    await_holders(h, c, "attachers", ATTACH_WAIT_MS);
}

/* ---- the file `run` ---- */

int ctr_run_save(struct container_host *h, const struct ctr *c, const struct ctr_run *run,
                 struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(RUN_MAX_BYTES);
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(RUN_MAX_BYTES);
    const char *path = ctr_path(c, &a, "run");
    int r;

    buf_addf(&b, "%s %d %llu %d %llu %d %s\n", store_boot_id(h->store), (int)run->init.pid,
             (unsigned long long)run->init.start, (int)run->monitor.pid,
             (unsigned long long)run->monitor.start, (int)run->runtime.level, run->runtime.path);
    r = buf_check(&b, e);
    if (r < 0)
        return r;
    return path ? fs_write_atomic(AT_FDCWD, path, b.p, b.n, 0600, false, e) : err_nomem(e);
}

int ctr_run_load(struct container_host *h, const struct ctr *c, struct arena *a,
                 struct ctr_run *ret, struct shale_err *e)
{
    struct ctr_run run = {.runtime = {.name = "", .path = "", .verdict = ""}};
    char boot[64], path[4096];
    unsigned long long start, monitor_start;
    int pid, monitor, level;
    char *text;

    *ret = run;
    text = fs_read_text(AT_FDCWD, ctr_path(c, a, "run"), a, RUN_MAX_BYTES, NULL);
    if (!text || sscanf(text, "%63s %d %llu %d %llu %d %4095s", boot, &pid, &start, &monitor,
                        &monitor_start, &level, path) != 7)
        return 0;
    if (!streq(boot, store_boot_id(h->store)))
        return 0;
    run.init = (struct process){pid, start};
    run.monitor = (struct process){monitor, monitor_start};
    run.runtime.level = (enum runtime_level)level;
    run.runtime.path = arena_strdup(a, path);
    if (!run.runtime.path)
        return err_nomem(e);
    run.runtime.name = strrchr(run.runtime.path, '/');
    run.runtime.name = run.runtime.name ? run.runtime.name + 1 : run.runtime.path;
    *ret = run;
    return 0;
}

/* ---- the end ---- */

int ctr_exit_status(const struct ctr *c)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(RUN_MAX_BYTES);
    char *text = fs_read_text(AT_FDCWD, ctr_path(c, &a, c->row.id), &a, STATUS_MAX, NULL);
    char number[STATUS_MAX + 1];
    struct str s;
    uint64_t v;

    if (!text)
        return -1;
    s = str_trim(str_of(text));
    (void)snprintf(number, sizeof number, "%.*s", (int)s.n, s.p);
    return str_to_u64(number, &v) && v < 256 ? (int)v : -1;
}

int ctr_move(struct container_host *h, struct ctr *c, const char *const *from,
             const struct meta_container_run *to, struct arena *a, struct shale_err *e)
{
    const char *state = NULL;
    int r = meta_container_move(store_meta(h->store), c->row.id, from, to, a, &state, e);

    if (r >= 0)
        c->row.run = *to;
    else if (r == -SHALE_CONFLICT && state)
        c->row.run.state = state;
    return r;
}

static bool runtime_knows(const struct ctr *c, struct arena *a)
{
    const char *state = NULL, *path;

    if (runtime_state_dir(a, &state, NULL) < 0)
        return false;
    path = arena_printf(a, "%s/%s", state, c->row.id);
    return path && access(path, F_OK) == 0;
}

void ctr_unprepare(struct container_host *h, struct arena *a, const struct ctr *c)
{
    const char *const rest[] = {"delete", "--force", c->row.id, NULL};
    const char *name = c->conf.runtime[0] ? c->conf.runtime : h->runtime;
    const char *pidfile;
    struct ctr_run run;

    if (runtime_pidfile(c->row.id, a, &pidfile, NULL) >= 0)
        (void)sys_unlinkat(AT_FDCWD, pidfile, 0);
    /* Who started it may have been killed before it could note the runtime. */
    if (runtime_knows(c, a) && ctr_run_load(h, c, a, &run, NULL) >= 0 &&
        (run.runtime.path[0] || runtime_choose(h, name, a, &run.runtime, NULL) >= 0)) {
        (void)runtime_call(&run.runtime, rest, a, NULL);
        (void)cgroup_remove(
            cgroup_mode(), arena_printf(a, "%s/%s", conf_cgroup_parent(&c->conf), c->row.id), NULL);
    }
    links_undo(h, c);
    endpoints_teardown(h, a, c);
    spaces_undo(c, a);
    image_mounts_undo(h, a, c);
    volume_mounts_undo(h, a, c);
    (void)store_rootfs_umount(h->store, ctr_path(c, a, "merged"), NULL);
}

int ctr_finish(struct container_host *h, struct arena *a, struct ctr *c, int status,
               struct shale_err *e)
{
    struct meta_container_run to = c->row.run;
    bool again = keep_restarts(&c->row, status) && keep_is_alive(h, c);

    to.state = again ? CTR_RESTARTING : CTR_EXITED;
    to.restarts += again;
    to.pid = 0;
    to.exit_code = status;
    to.finished_ns = time_now_ns();
    to.oom_killed = fs_exists(AT_FDCWD, ctr_path(c, a, "oom"));
    ctr_event_die(h, &c->row, &to); /* first: who waits for the row tells of a stop after it */
    ctr_unprepare(h, a, c);
    ctr_event_volumes(h, &c->row, &c->conf, EVENT_VOLUME_UNMOUNT);
    if (c->row.auto_remove) {
        ctr_await_holders(h, c);
        return ctr_remove(h, a, c, true, e);
    }
    (void)sys_unlinkat(AT_FDCWD, ctr_path(c, a, "run"), 0);
    return ctr_move(h, c, NULL, &to, a, e);
}

static bool has_anonymous(const struct conf *c)
{
    for (size_t i = 0; i < c->n_mounts; i++)
        if (c->mounts[i].anonymous)
            return true;
    return false;
}

/* Those that no other container has by --volumes-from. */
static void drop_volumes(struct container_host *h, const struct ctr *c)
{
    for (size_t i = 0; i < c->conf.n_mounts; i++) {
        const struct conf_mount *m = &c->conf.mounts[i];
        bool others = true;
        if (m->anonymous &&
            meta_container_mentions(store_meta(h->store), c->row.id, m->name, &others, NULL) >= 0 &&
            !others)
            (void)volume_remove(h->store, m->name, NULL);
    }
}

int ctr_remove(struct container_host *h, struct arena *a, struct ctr *c, bool volumes,
               struct shale_err *e)
{
    int r = fs_remove_tree(AT_FDCWD, c->dir, e);

    if (r < 0)
        return r;
    _cleanup_close_ int held =
        volumes && has_anonymous(&c->conf)
            ? lock_take(store_root_fd(h->store), VOLUMES_LOCK, LOCK_EXCLUSIVE, NULL, NULL)
            : -1;
    if (held >= 0) /* else they stay, for volume prune */
        drop_volumes(h, c);
    r = meta_container_delete(store_meta(h->store), c->row.id, e);
    if (r < 0)
        return r;
    ctr_event(h, &c->row, EVENT_CONTAINER_DESTROY, NULL, NULL);
    drop_locks(h, c);
    return 0;
}

/* Is there a process of the container, or somebody who will tell how it ended? */
static int whereabouts(struct container_host *h, struct arena *a, const struct ctr *c,
                       struct shale_err *e)
{
    struct ctr_run run;
    int r = ctr_run_load(h, c, a, &run, e);

    if (r < 0)
        return r;
    if (process_alive(&run.init))
        return 0;
    if (ctr_exit_status(c) >= 0)
        return 1;
    return run.monitor.pid != getpid() && process_alive(&run.monitor) ? 2 : 1;
}

const char *ctr_starter(struct container_host *h, struct arena *a)
{
    struct process me = process_find(getpid());

    return arena_printf(a, "%d %llu %s", (int)me.pid, (unsigned long long)me.start,
                        store_boot_id(h->store));
}

/* Made by a `run` that is no more. */
static bool is_forsaken(struct container_host *h, const struct ctr *c)
{
    struct process starter;
    unsigned long long start;
    char boot[64];
    int pid;

    if (!c->row.auto_remove || !ctr_is(c, CTR_CREATED) ||
        sscanf(c->conf.starter, "%d %llu %63s", &pid, &start, boot) != 3)
        return false;
    starter = (struct process){pid, start};
    return !streq(boot, store_boot_id(h->store)) || !process_alive(&starter);
}

/* Of a start or a removal that was killed half-way. */
static bool is_left_over(struct container_host *h, const struct ctr *c, struct arena *a)
{
    const char *merged = ctr_path(c, a, "merged");
    struct statx st;

    if (ctr_is(c, CTR_REMOVING) || is_forsaken(h, c))
        return true;
    return merged && statx(AT_FDCWD, merged, AT_NO_AUTOMOUNT, STATX_TYPE, &st) == 0 &&
           (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* Whoever is at work on it holds its lock; without one nobody will ever finish. */
static int clear_left_over(struct container_host *h, struct arena *a, struct ctr *c,
                           struct shale_err *e)
{
    char name[128];
    int r = 0;

    lock_name(c, "container", name);
    _cleanup_close_ int lock = lock_try(store_root_fd(h->store), name, LOCK_EXCLUSIVE, NULL);
    if (lock < 0)
        return 0;
    if (ctr_reload(h, a, c, NULL) == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_NOT_FOUND, "No such container: %s", c->row.id);
    if (ctr_need_running(c, NULL) >= 0 || !is_left_over(h, c, a))
        return 0;
    ctr_unprepare(h, a, c);
    if (!c->row.auto_remove && !ctr_is(c, CTR_REMOVING))
        return 0;
    r = ctr_remove(h, a, c, c->row.auto_remove, e);
    return r < 0 ? r : err_set(e, SHALE_NOT_FOUND, "No such container: %s", c->row.id);
}

/* Its keeper was killed while it waited: nobody will start it any more. */
static int give_up_restart(struct container_host *h, struct arena *a, struct ctr *c,
                           struct shale_err *e)
{
    static const char *const from[] = {CTR_RESTARTING, NULL};
    char name[128];

    if (keep_is_alive(h, c))
        return 0;
    lock_name(c, "container", name);
    _cleanup_close_ int lock = lock_try(store_root_fd(h->store), name, LOCK_EXCLUSIVE, NULL);
    if (lock == -SHALE_DENIED)
        c->row.run.state = CTR_EXITED;
    if (lock < 0)
        return 0;
    int r = ctr_reload(h, a, c, e);
    if (r < 0 || !ctr_is(c, CTR_RESTARTING) || keep_is_alive(h, c))
        return r;
    struct meta_container_run to = c->row.run;
    to.state = CTR_EXITED;
    ctr_unprepare(h, a, c);
    r = ctr_move(h, c, from, &to, a, e);
    return r < 0 ? r : 1;
}

/* Its exit_command is about to record the end, and we are before it: what that would do for one
 * whose keeper was killed. */
static void keep_before_monitor(struct container_host *h, struct arena *a, const struct ctr *c,
                                int status)
{
    struct ctr_run run;

    if (status >= 0 && keep_restarts(&c->row, status) && ctr_run_load(h, c, a, &run, NULL) >= 0 &&
        process_alive(&run.monitor))
        (void)keep_ensure(h, c, NULL);
}

int ctr_refresh(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e)
{
    _cleanup_close_ int lock = -1;
    int r, status;

    if (ctr_is(c, CTR_RESTARTING))
        return give_up_restart(h, a, c, e);
    if (ctr_need_running(c, NULL) < 0)
        return is_left_over(h, c, a) ? clear_left_over(h, a, c, e) : 0;
    r = whereabouts(h, a, c, e);
    if (r != 1)
        return r;
    lock = ctr_lock(h, c, e);
    if (lock == -SHALE_DENIED) { /* a store that is only read */
        c->row.run.state = CTR_EXITED;
        return 1;
    }
    if (lock < 0)
        return lock;
    r = ctr_reload(h, a, c, e);
    if (r < 0)
        return r;
    if (ctr_need_running(c, NULL) < 0)
        return 0;
    r = whereabouts(h, a, c, e); /* it may have been started again */
    if (r != 1)
        return r;
    status = ctr_exit_status(c);
    keep_before_monitor(h, a, c, status);
    r = ctr_finish(h, a, c, status < 0 ? CTR_STATUS_UNKNOWN : status, e);
    if (r < 0)
        return r;
    if (c->row.auto_remove)
        return err_set(e, SHALE_NOT_FOUND, "No such container: %s", c->row.id);
    return 1;
}

/* Waits until the status is written down, or nobody is left who would. */
static int await_status(struct container_host *h, struct arena *a, const struct ctr *c,
                        const struct ctr_run *run, int *ret_status, struct shale_err *e)
{
    int64_t end = time_mono_ns() + MONITOR_WAIT_MS * NS_PER_MS;

    for (;;) {
        bool watched = run->monitor.pid != getpid() && process_alive(&run->monitor);
        int r = cancel_check(h->cancel, e);
        if (r < 0)
            return r;
        *ret_status = ctr_exit_status(c);
        if (*ret_status >= 0)
            return 0;
        if (!watched || time_mono_ns() > end) {
            *ret_status = CTR_STATUS_UNKNOWN;
            return 0;
        }
        usleep(1000);
    }
}

int ctr_wait_end(struct container_host *h, struct arena *a, struct ctr *c, int *ret_status,
                 struct shale_err *e)
{
    struct ctr_run run;
    int r = ctr_run_load(h, c, a, &run, e);

    if (r < 0)
        return r;
    r = process_wait(&run.init, -1, h->cancel, e);
    if (r < 0)
        return r;
    r = ctr_reload(h, a, c, NULL);
    if (r >= 0 && ctr_need_running(c, NULL) < 0) {
        *ret_status = c->row.run.exit_code;
        return 0;
    }
    return await_status(h, a, c, &run, ret_status, e);
}

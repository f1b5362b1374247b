/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a process that nobody waits for (`exec -d`): a process of ours beside it sees its
 * end. And which there are. */
#include "container/exec.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/events.h"
#include "container/keep.h"
#include "container/process.h"
#include "container/spawn.h"

#define PREFIX          "exec-"
#define ID_DIGITS       64
#define PATHS_MAX_BYTES (64u << 10)

static const char *const suffixes[] = {
    [EXEC_PROCESS] = ".json", [EXEC_LOG] = ".log",         [EXEC_PIDFILE] = ".pid",
    [EXEC_OBJECT] = ".exec",  [EXEC_STARTED] = ".started", [EXEC_END] = ".end"};

const char *exec_path(const struct ctr *c, const char *exec_id, enum exec_file which,
                      struct arena *a)
{
    return arena_printf(a, "%s/" PREFIX "%s%s", c->dir, exec_id, suffixes[which]);
}

void exec_note_end(const struct ctr *c, const char *exec_id, int status)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(PATHS_MAX_BYTES);
    const char *object = exec_path(c, exec_id, EXEC_OBJECT, &a);
    const char *end = exec_path(c, exec_id, EXEC_END, &a);
    char text[16];

    if (!object || !end || !fs_exists(AT_FDCWD, object))
        return;
    int n = snprintf(text, sizeof text, "%d", status);
    (void)fs_write_atomic(AT_FDCWD, end, text, (size_t)n, 0600, false, NULL);
}

void exec_tell_end(struct container_host *h, const struct ctr *c, const char *exec_id, int status)
{
    char code[16];

    (void)snprintf(code, sizeof code, "%d", status);
    exec_note_end(c, exec_id, status);
    ctr_event(h, &c->row, EVENT_CONTAINER_EXEC_DIE, NULL, "execID", exec_id, "exitCode", code,
              NULL);
}

/* ---- which there are ---- */

struct listing {
    const struct ctr *c;
    struct arena *a;
    pid_t init;
    const char **v;
    size_t n, cap;
};

/* A number may be somebody else's by now: one of the container has its root. */
static bool is_inside(pid_t pid, pid_t init)
{
    char path[40];
    struct stat a, b;

    (void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)pid);
    if (stat(path, &a) < 0)
        return false;
    (void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)init);
    return stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int list_one(void *arg, const char *name, unsigned char d_type)
{
    struct listing *l = arg;
    size_t skip = strlen(PREFIX);

    if (!str_has_prefix(name, PREFIX) || !str_has_suffix(name, suffixes[EXEC_PIDFILE]) ||
        strlen(name) != skip + ID_DIGITS + strlen(suffixes[EXEC_PIDFILE]))
        return 0;
    const char *id = arena_strndup(l->a, name + skip, ID_DIGITS);
    const char *path = id ? exec_path(l->c, id, EXEC_PIDFILE, l->a) : NULL;
    const char **v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof *v);
    if (!path || !v)
        return -SHALE_NO_MEMORY;
    l->v = v;
    struct process p = process_find(process_read_pidfile(path));
    if (p.pid > 0 && is_inside(p.pid, l->init))
        v[l->n++] = id;
    return 0;
}

int exec_running(struct container_host *h, const struct ctr *c, struct arena *a,
                 const char *const **ret, struct shale_err *e)
{
    struct listing l = {.c = c, .a = a, .init = c->row.run.pid};
    const char **none = arena_array(a, 1, sizeof *none);

    if (!none)
        return err_nomem(e);
    *ret = none;
    if (l.init <= 0 || !fs_exists(AT_FDCWD, c->dir))
        return 0;
    int r = fs_each(AT_FDCWD, c->dir, list_one, &l, e);
    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    if (r < 0 || l.n == 0)
        return r < 0 ? r : 0;
    const char **v = arena_grow(a, l.v, l.n, &l.cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    v[l.n] = NULL;
    *ret = v;
    return 0;
}

/* ---- forgetting them ---- */

static int forget_one(void *arg, const char *name, unsigned char d_type)
{
    const int *dir = arg;

    if (str_has_prefix(name, PREFIX) && strlen(name) > strlen(PREFIX) + ID_DIGITS)
        (void)sys_unlinkat(*dir, name, 0);
    return 0;
}

void exec_forget(const struct ctr *c)
{
    _cleanup_close_ int dir = fs_open_dir(AT_FDCWD, c->dir, NULL);

    if (dir >= 0)
        (void)fs_each(AT_FDCWD, c->dir, forget_one, &dir, NULL);
}

/* ---- looking after one ---- */

/* The runtime goes when the process runs, and leaves it to us. */
static int start(struct container_host *h, struct arena *a, const struct ctr *c,
                 const char *exec_id, int *ret_status, struct shale_err *e)
{
    const char *process = exec_path(c, exec_id, EXEC_PROCESS, a);
    const char *log = exec_path(c, exec_id, EXEC_LOG, a);
    const char *pidfile = exec_path(c, exec_id, EXEC_PIDFILE, a);
    const char *const rest[] = {"exec",  "--process", process,   "--pid-file",
                                pidfile, "--detach",  c->row.id, NULL};
    const char **argv;
    struct ctr_run run;
    pid_t pid;
    int r = process && log && pidfile ? ctr_run_load(h, c, a, &run, e) : err_nomem(e);

    if (r >= 0)
        r = runtime_argv(&run.runtime, log, rest, a, &argv, e);
    if (r < 0)
        return r;
    struct spawn_opts so = {.argv = argv, .in = -1, .out = -1, .err = -1};
    r = spawn_start(&so, &pid, NULL, e);
    return r < 0 ? r : spawn_wait(pid, ret_status, e);
}

int container_keep_exec(struct container_host *h, const char *id, const char *exec_id, int ready_fd,
                        struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct meta_container row;
    struct ctr c;
    char words[40];
    int status = 0, r;

    if (strlen(exec_id) != ID_DIGITS || strspn(exec_id, "0123456789abcdef") != ID_DIGITS)
        return err_set(e, SHALE_INVALID, "%.80s is no process of a container", exec_id);
    r = meta_container_get(store_meta(h->store), id, &a, &row, e);
    if (r >= 0)
        r = ctr_of_row(h, &row, &a, &c, e);
    if (r >= 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        r = err_sys(e, "become a parent of processes");
    if (r >= 0)
        r = start(h, &a, &c, exec_id, &status, e);
    if (r < 0)
        return r;
    const char *pidfile = exec_path(&c, exec_id, EXEC_PIDFILE, &a);
    pid_t pid = status == 0 && pidfile ? process_read_pidfile(pidfile) : 0;
    (void)snprintf(words, sizeof words, KEEP_EXEC_STATUS, status);
    (void)sys_write_all(ready_fd, words, strlen(words));
    close(ready_fd);
    if (pid <= 0)
        return 0;
    r = spawn_wait(pid, &status, e);
    if (r >= 0)
        exec_tell_end(h, &c, exec_id, status);
    (void)sys_unlinkat(AT_FDCWD, pidfile, 0);
    return r;
}

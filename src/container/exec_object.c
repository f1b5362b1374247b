/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that are made first and started later (see <shale/exec.h>). What is to be run lies in a
 * file of the container's folder; the second half of an ID is the first of its container's, so that
 * it leads there. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "container/exec.h"
#include "container/jout.h"
#include "container/keys.h"

#define ID_DIGITS    64
#define HALF_DIGITS  (ID_DIGITS / 2)
#define OBJECT_MAX   (1u << 20)
#define NOTE_MAX     256
#define ENDED_KEPT_S 300 /* how long one that has ended is known when others are made */
#define NOT_FOUND    127
#define NO_COMMAND   126
#define UNKNOWN      (-1)

struct object {
    struct strv cmd, env;
    const char *user, *workdir, *detach_keys;
    bool tty, privileged, in, out, err;
};
#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct object, field), 0                                              \
    }
static const struct json_field fields[] = {
    F("Cmd", JB_STRV, cmd),
    F("Env", JB_STRV, env),
    F("User", JB_STR, user),
    F("WorkingDir", JB_STR, workdir),
    F("DetachKeys", JB_STR, detach_keys),
    F("Tty", JB_BOOL, tty),
    F("Privileged", JB_BOOL, privileged),
    F("AttachStdin", JB_BOOL, in),
    F("AttachStdout", JB_BOOL, out),
    F("AttachStderr", JB_BOOL, err),
};
#undef F

/* ---- making ---- */

static json_t *list_of(const char *const *v)
{
    json_t *list = json_array();
    int bad = !list;

    for (; v && *v; v++)
        jout_add(&bad, list, json_string(*v));
    if (bad) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static int save(const char *path, const struct shale_exec_opts *o,
                const struct shale_exec_streams *streams, struct arena *a, struct shale_err *e)
{
    _cleanup_json_ json_t *j = json_object();
    char *text;
    int bad = !j;

    jout_put(&bad, j, "Cmd", list_of(o->cmd));
    jout_put(&bad, j, "Env", list_of(o->env));
    jout_str(&bad, j, "User", o->user);
    jout_str(&bad, j, "WorkingDir", o->workdir);
    jout_str(&bad, j, "DetachKeys", o->streams.detach_keys);
    jout_bool(&bad, j, "Tty", o->tty);
    jout_bool(&bad, j, "Privileged", o->privileged);
    jout_bool(&bad, j, "AttachStdin", streams->in);
    jout_bool(&bad, j, "AttachStdout", streams->out);
    jout_bool(&bad, j, "AttachStderr", streams->err);
    int r = jout_check(bad, "command", e);
    if (r >= 0)
        r = jout_text(j, JSON_COMPACT, a, &text, e);
    if (r < 0)
        return r;
    if (strlen(text) > OBJECT_MAX)
        return err_set(e, SHALE_LIMIT, "a command of more than %u bytes", OBJECT_MAX);
    return fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, false, e);
}

struct sweep {
    const struct ctr *c;
    struct arena *a;
    time_t before;
};

static int sweep_one(void *arg, const char *name, unsigned char d_type)
{
    static const enum exec_file all[] = {EXEC_OBJECT, EXEC_STARTED, EXEC_END};
    struct sweep *s = arg;
    struct stat st;
    char id[ID_DIGITS + 1];

    if (sscanf(name, "exec-%64[0-9a-f].end", id) != 1 || !str_has_suffix(name, ".end"))
        return 0;
    const char *end = exec_path(s->c, id, EXEC_END, s->a);
    if (!end || stat(end, &st) < 0 || st.st_mtime >= s->before)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        (void)sys_unlinkat(AT_FDCWD, exec_path(s->c, id, all[i], s->a), 0);
    return 0;
}

int container_exec_create(struct container_host *h, const char *container,
                          const struct shale_exec_opts *o, const struct shale_exec_streams *streams,
                          struct arena *a, struct shale_exec_made *ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena temp = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct keys keys;
    struct ctr_run run;
    struct ctr c;
    char half[HALF_DIGITS + 1];
    int r = exec_check(h, &temp, container, o->cmd, &c, &run, e);

    if (r >= 0)
        r = keys_parse(o->streams.detach_keys, &keys, e);
    if (r >= 0)
        r = random_hex(half, HALF_DIGITS / 2, e);
    if (r < 0)
        return r;
    const char *id = arena_printf(a, "%s%.*s", half, HALF_DIGITS, c.row.id);
    const char *path = id ? exec_path(&c, id, EXEC_OBJECT, &temp) : NULL;
    if (!path)
        return err_nomem(e);
    struct sweep s = {&c, &temp, (time_t)(time_now_ns() / NS_PER_S) - ENDED_KEPT_S};
    (void)fs_each(AT_FDCWD, c.dir, sweep_one, &s, NULL);
    r = save(path, o, streams, &temp, e);
    if (r < 0)
        return r;
    exec_tell_create(h, &temp, &c, id, o->cmd);
    ret->id = id;
    return 0;
}

/* ---- finding ---- */

static int no_such(const char *exec, struct shale_err *e)
{
    return err_set(e, SHALE_NOT_FOUND, "No such exec instance: %.80s", exec);
}

static int find(struct container_host *h, const char *exec, struct arena *a, struct ctr *c,
                struct object *ret, struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;

    if (strlen(exec) != ID_DIGITS || strspn(exec, "0123456789abcdef") != ID_DIGITS)
        return no_such(exec, e);
    int r = ctr_find(h, exec + HALF_DIGITS, a, c, e);
    if (r == -SHALE_NOT_FOUND || (r >= 0 && !str_has_prefix(c->row.id, exec + HALF_DIGITS)))
        return no_such(exec, e);
    if (r < 0)
        return r;
    const char *path = exec_path(c, exec, EXEC_OBJECT, a);
    if (!path)
        return err_nomem(e);
    const char *text = fs_read_text(AT_FDCWD, path, a, OBJECT_MAX, NULL);
    if (!text)
        return no_such(exec, e);
    *ret = (struct object){.user = "", .workdir = "", .detach_keys = ""};
    r = json_parse(text, strlen(text), OBJECT_MAX, &j, e);
    return r < 0 ? r : json_bind(j, fields, ARRAY_SIZE(fields), ret, a, e);
}

static const char *note(const struct ctr *c, const char *exec, enum exec_file which,
                        struct arena *a)
{
    const char *path = exec_path(c, exec, which, a);

    return path ? fs_read_text(AT_FDCWD, path, a, NOTE_MAX, NULL) : NULL;
}

static pid_t pid_of(const struct ctr *c, const char *exec, struct arena *a)
{
    const char *path = exec_path(c, exec, EXEC_PIDFILE, a);
    struct process p = path ? process_find(process_read_pidfile(path)) : (struct process){0};

    return process_alive(&p) ? p.pid : 0;
}

/* ---- starting ---- */

struct starting {
    struct arena *a;
    struct ctr *c;
    const char *id;
    struct shale_attach_opts *streams;
    bool begun;
};

/* Once only, whoever comes. */
static int claim(struct starting *s, struct shale_err *e)
{
    const char *path = exec_path(s->c, s->id, EXEC_STARTED, s->a);
    _cleanup_close_ int fd =
        path ? sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600) : -1;

    if (!path)
        return err_nomem(e);
    if (fd >= 0)
        return 0;
    if (errno != EEXIST)
        return err_sys(e, "start process %.12s", s->id);
    return err_set(e, SHALE_CONFLICT, "Error: Exec command %s is already running", s->id);
}

static int on_ready(void *arg)
{
    struct starting *s = arg;
    int r = s->streams->on_ready ? s->streams->on_ready(s->streams->arg, s->streams) : 0;

    s->begun = r >= 0;
    return r;
}

static void on_terminal(void *arg, const char *tty)
{
    struct starting *s = arg;
    const char *path = exec_path(s->c, s->id, EXEC_STARTED, s->a);

    if (path)
        (void)fs_write_atomic(AT_FDCWD, path, tty, strlen(tty), 0600, false, NULL);
}

int container_exec_start(struct container_host *h, const char *exec,
                         const struct shale_exec_start_opts *o, int *ret_status,
                         struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct shale_err why = SHALE_ERR_INIT;
    struct object x;
    struct ctr c;
    int r = find(h, exec, &a, &c, &x, e);

    if (r < 0)
        return r;
    struct shale_exec_opts q = {.size = sizeof q,
                                .cmd = (const char *const *)x.cmd.v,
                                .env = x.env.n ? (const char *const *)x.env.v : NULL,
                                .user = x.user,
                                .workdir = x.workdir,
                                .tty = x.tty,
                                .interactive = x.in,
                                .detach = o->detach,
                                .privileged = x.privileged,
                                .streams = o->streams};
    struct starting s = {.a = &a, .c = &c, .id = exec, .streams = &q.streams};
    struct ctr_run run;
    if (!q.streams.detach_keys || !*q.streams.detach_keys)
        q.streams.detach_keys = *x.detach_keys ? x.detach_keys : NULL;
    r = exec_check(h, &a, c.row.id, q.cmd, &c, &run, e);
    if (r >= 0)
        r = claim(&s, e);
    if (r < 0)
        return r;
    const struct exec_known k = {c.row.id, exec, on_ready, on_terminal, &s};
    r = exec_run(h, &a, &k, &q, ret_status, &why);
    if (r < 0 && s.begun)
        exec_note_end(&c, exec,
                      r == -SHALE_NOT_FOUND ? NOT_FOUND
                      : r == -SHALE_DENIED  ? NO_COMMAND
                                            : CTR_STATUS_UNKNOWN);
    if (r < 0 && !s.begun) /* it may be tried again */
        (void)sys_unlinkat(AT_FDCWD, exec_path(&c, exec, EXEC_STARTED, &a), 0);
    if (r < 0 && e)
        *e = why;
    return r;
}

/* ---- looking ---- */

int container_exec_inspect(struct container_host *h, const char *exec, struct arena *a,
                           struct shale_exec_info *ret, struct shale_err *e)
{
    struct object x;
    struct ctr *c = arena_alloc(a, sizeof *c);
    int r = c ? find(h, exec, a, c, &x, e) : err_nomem(e);

    if (r < 0)
        return r;
    const char *end = note(c, exec, EXEC_END, a);
    bool started = note(c, exec, EXEC_STARTED, a) != NULL;
    *ret = (struct shale_exec_info){
        .id = arena_strdup(a, exec),
        .container_id = c->row.id,
        .started = started,
        .running = started && !end && ctr_need_running(c, NULL) >= 0,
        .exit_code = end ? (int)strtol(end, NULL, 10) : UNKNOWN,
        .pid = end ? 0 : (int)pid_of(c, exec, a),
        .cmd = (const char *const *)x.cmd.v,
        .user = x.user,
        .detach_keys = x.detach_keys,
        .tty = x.tty,
        .privileged = x.privileged,
        .streams = {x.in, x.out, x.err},
    };
    return ret->id ? 0 : err_nomem(e);
}

int container_exec_resize(struct container_host *h, const char *exec, uint16_t rows,
                          uint16_t columns, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const struct winsize ws = {.ws_row = rows, .ws_col = columns};
    struct object x;
    struct ctr c;
    int r = find(h, exec, &a, &c, &x, e);

    if (r < 0)
        return r;
    const char *tty = note(&c, exec, EXEC_STARTED, &a);
    if (!x.tty || !tty || note(&c, exec, EXEC_END, &a))
        return err_set(e, SHALE_CONFLICT, "exec %.12s %s", exec,
                       x.tty ? "is not running" : "has no terminal");
    _cleanup_close_ int fd =
        str_has_prefix(tty, "/dev/pts/") ? sys_openat(AT_FDCWD, tty, O_RDWR | O_NOCTTY, 0) : -1;
    if (fd < 0 || ioctl(fd, TIOCSWINSZ, &ws) < 0)
        return err_set(e, SHALE_CONFLICT, "exec %.12s is not running", exec);
    return 0;
}

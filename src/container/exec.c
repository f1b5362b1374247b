/* SPDX-License-Identifier: Apache-2.0 */
/* Another process in a running container: `runtime exec` with a process file of our own making. */
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/caps.h"
#include "container/events.h"
#include "container/exec.h"
#include "container/jout.h"
#include "container/keep.h"
#include "container/pidwatch.h"
#include "container/prepare.h"
#include "container/relay.h"
#include "container/spawn.h"
#include "container/spec.h"

#define WORDS_MAX    400
#define TERM_MS      1000 /* from SIGTERM to SIGKILL, when its caller is asked to stop */
#define TERM_POLL_MS 20

struct exec {
    struct container_host *h;
    struct arena *a;
    struct ctr *c;
    const struct shale_exec_opts *o;
    struct ctr_run run;
    const char *id, *line; /* 64 hex, and the command line, for events */
    const char *process_file, *log, *pidfile;
    bool tty;   /* asked for, and somebody holds it */
    int master; /* of the terminal, -1: none */
    struct process init;
    struct pidwatch watch;           /* without terminal */
    struct spawn_pipe errors;        /* stderr, without terminal */
    struct spawn_pipe output, input; /* the same, where the caller is a connection */
    int terminal;                    /* of the caller, whose size counts */
    bool kept;                       /* somebody else looks after it */
    bool foreign;                    /* asked for elsewhere: our own environment is none of it */
    void (*on_terminal)(void *arg, const char *path);
    void *arg;
};

/* ---- what is run ---- */

static void env_remove(struct strv *v, const char *key)
{
    size_t n = 0, len = strlen(key);

    for (size_t i = 0; i < v->n; i++)
        if (strncmp(v->v[i], key, len) != 0 || (v->v[i][len] != '=' && v->v[i][len] != 0))
            v->v[n++] = v->v[i];
    v->n = n;
}

/* The container's environment with the options' put over it. "K" takes our own value; of a foreign
 * one it takes K away. */
static int merge_env(const struct exec *x, struct strv *ret, struct shale_err *e)
{
    const struct strv *base = &x->c->conf.env;
    size_t n = 0;

    while (x->o->env && x->o->env[n])
        n++;
    *ret = (struct strv){.v = arena_array(x->a, base->n + n + 1, sizeof(char *)), .set = true};
    if (!ret->v)
        return err_nomem(e);
    for (size_t i = 0; i < base->n; i++)
        ret->v[ret->n++] = base->v[i];
    for (size_t i = 0; i < n; i++) {
        const char *kv = x->o->env[i];
        const char *own = strchr(kv, '=') || x->foreign ? NULL : getenv(kv);
        if (!strchr(kv, '=') && !own) {
            if (x->foreign)
                env_remove(ret, kv);
            continue;
        }
        char *s = own ? arena_printf(x->a, "%s=%s", kv, own) : arena_strdup(x->a, kv);
        if (!s)
            return err_nomem(e);
        ret->v[ret->n++] = s;
    }
    return 0;
}

/* A user who is not there is DENIED here: docker's status for it is that of a command that cannot
 * be run. */
static int find_user(const struct exec *x, struct user *ret, struct shale_err *e)
{
    const char *merged = ctr_path(x->c, x->a, "merged");
    const char *name = x->o->user && *x->o->user ? x->o->user : x->c->conf.user;
    struct shale_err why = SHALE_ERR_INIT;
    _cleanup_close_ int root = merged ? fs_open_dir(AT_FDCWD, merged, e) : err_nomem(e);

    if (root < 0)
        return root;
    int r = user_lookup(root, name, &x->c->conf.group_add, x->a, ret, &why);
    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_DENIED, "%s", why.msg);
    if (r < 0 && e)
        *e = why;
    return r;
}

static int write_process(struct exec *x, struct shale_err *e)
{
    const struct conf *f = &x->c->conf;
    struct user user;
    struct spec_process p = {.args = x->o->cmd, .tty = x->tty, .user = &user};
    _cleanup_json_ json_t *j = NULL;
    struct strv env;
    char *text;
    int r = find_user(x, &user, e);

    if (r >= 0)
        r = merge_env(x, &env, e);
    if (r >= 0)
        r = spec_env(&env, f->hostname, x->tty, user.home, x->a, &p.env, e);
    if (r >= 0)
        r = prepare_caps(f, &x->run.runtime, &p.caps, e);
    if (r < 0)
        return r;
    if (x->o->privileged)
        p.caps = caps_host();
    p.no_new_privileges = conf_no_new_privileges(f);
    p.ulimits = f->ulimits;
    p.n_ulimits = f->n_ulimits;
    p.cwd = x->o->workdir && *x->o->workdir ? x->o->workdir : f->workdir;
    r = spec_process(&p, &j, e);
    if (r >= 0)
        r = spec_text(j, x->a, &text, e);
    return r < 0 ? r
                 : fs_write_atomic(AT_FDCWD, x->process_file, text, strlen(text), 0600, false, e);
}

static int make_argv(struct exec *x, const char ***ret, struct shale_err *e)
{
    const char *rest[12];
    size_t n = 0;

    rest[n++] = "exec";
    rest[n++] = "--process";
    rest[n++] = x->process_file;
    rest[n++] = "--pid-file";
    rest[n++] = x->pidfile;
    if (x->o->detach)
        rest[n++] = "--detach";
    rest[n++] = x->c->row.id;
    rest[n] = NULL;
    return runtime_argv(&x->run.runtime, x->log, rest, x->a, ret, e);
}

/* ---- the terminal between the caller and the runtime ---- */

static void follow_size(struct exec *x)
{
    struct winsize ws = {0};

    if (x->terminal >= 0 && ioctl(x->terminal, TIOCGWINSZ, &ws) == 0)
        (void)ioctl(x->master, TIOCSWINSZ, &ws);
}

static int open_terminal(struct exec *x, char *ret_name, size_t n, struct shale_err *e)
{
    struct termios raw;

    x->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (x->master < 0 || grantpt(x->master) < 0 || unlockpt(x->master) < 0 ||
        ptsname_r(x->master, ret_name, n) != 0)
        return err_sys(e, "open a terminal");
    /* the runtime's terminal inside does the work of one; this one only carries */
    _cleanup_close_ int slave = sys_openat(AT_FDCWD, ret_name, O_RDWR | O_NOCTTY, 0);
    if (slave < 0 || tcgetattr(slave, &raw) < 0)
        return err_sys(e, "open a terminal");
    cfmakeraw(&raw);
    if (tcsetattr(slave, TCSANOW, &raw) < 0)
        return err_sys(e, "open a terminal");
    follow_size(x);
    return 0;
}

static void on_signal(void *arg, int sig)
{
    struct exec *x = arg;

    if (sig == SIGWINCH) {
        follow_size(x);
        return;
    }
    if (x->init.pid == 0)
        x->init = process_find(process_read_pidfile(x->pidfile));
    (void)process_kill(&x->init, sig, NULL);
}

/* A process does not end with the connection of the one that asked for it. */
static void set_connection(const struct exec *x, struct relay *relay)
{
    const struct shale_attach_opts *s = &x->o->streams;

    relay->hangup = relay->outlive = s->hangup;
    relay->frames = s->frames && !x->tty;
}

static int carry_terminal(struct exec *x, int pidfd, struct shale_err *e)
{
    const struct shale_attach_opts *s = &x->o->streams;
    struct relay_signals sig;
    struct keys keys;
    int r = keys_parse(s->detach_keys, &keys, e);

    if (r >= 0)
        r = relay_signals_take(&sig, false, x->terminal >= 0, e);
    if (r < 0)
        return r;
    struct relay relay = {
        .from = {x->master, -1},
        .to = s->in >= 0 ? x->master : -1,
        .to_stays = true,
        .child = pidfd,
        .in = s->in,
        .out = s->out,
        .err = -1,
        .keys = s->in >= 0 ? &keys : NULL,
        .event = -1,
        .signals = sig.fd,
        .on_signal = on_signal,
        .arg = x,
        .cancel = x->h->cancel,
    };
    set_connection(x, &relay);
    r = relay_run(&relay, e);
    relay_signals_restore(&sig);
    return r;
}

/* ---- without one: the process has the caller's own stdin and stdout; stderr comes through us.
 * Where the caller is a connection the others do, too. ---- */

static void release_held(struct exec *x)
{
    struct buf *held = &x->watch.held;

    pidwatch_release(&x->watch);
    if (held->n && x->o->streams.frames)
        relay_write_frame(x->o->streams.err, 2, held->p, held->n);
    else
        relay_write(x->o->streams.err, held->p, held->n);
    buf_reset(held);
}

static bool on_output(void *arg, int stream, const char *p, size_t n)
{
    struct exec *x = arg;

    if (stream == 2 && pidwatch_hold(&x->watch, p, n))
        return false;
    release_held(x);
    return true;
}

static void on_event(void *arg)
{
    struct exec *x = arg;

    if (pidwatch_look(&x->watch))
        release_held(x);
}

static int carry_pipes(struct exec *x, int pidfd, struct shale_err *e)
{
    const struct shale_attach_opts *s = &x->o->streams;
    bool all = s->hangup;
    struct relay_signals sig;
    int r = relay_signals_take(&sig, false, false, e);

    if (r < 0)
        return r;
    struct relay relay = {
        .from = {x->output.r, x->errors.r},
        .to = x->input.w,
        .pass_break = !all,
        .child = pidfd,
        .in = all ? s->in : -1,
        .out = all ? s->out : -1,
        .err = s->err,
        .on_output = on_output,
        .event = x->watch.tick,
        .on_event = on_event,
        .signals = -1,
        .arg = x,
        .cancel = x->h->cancel,
    };
    set_connection(x, &relay);
    r = relay_run(&relay, e);
    x->errors.r = relay.from[1];
    x->input.w = relay.to;
    relay_signals_restore(&sig);
    return r;
}

/* ---- all together ---- */

static int open_pipes(struct exec *x, struct spawn_opts *so, struct shale_err *e)
{
    int r = spawn_pipe_open(&x->output, e);

    if (r >= 0 && x->o->interactive && x->o->streams.in >= 0)
        r = spawn_pipe_open(&x->input, e);
    so->in = x->input.r;
    so->out = x->output.w;
    return r;
}

static int start_runtime(struct exec *x, pid_t *ret_pid, int *ret_pidfd, struct shale_err *e)
{
    const struct shale_attach_opts *s = &x->o->streams;
    char tty[64];
    const char **argv;
    int r = make_argv(x, &argv, e);

    if (r < 0)
        return r;
    struct spawn_opts so = {.argv = argv, .in = -1, .out = -1, .err = -1};
    if (x->tty) {
        r = open_terminal(x, tty, sizeof tty, e);
        if (r >= 0 && x->on_terminal)
            x->on_terminal(x->arg, tty);
        so.tty = tty;
    } else if (!x->o->detach) {
        r = pidwatch_open(&x->watch, x->pidfile, e);
        if (r >= 0)
            r = spawn_pipe_open(&x->errors, e);
        so.in = x->o->interactive ? s->in : -1;
        so.out = s->out;
        if (r >= 0 && s->hangup)
            r = open_pipes(x, &so, e);
        so.err = x->errors.w;
    }
    if (r >= 0)
        r = spawn_start(&so, ret_pid, ret_pidfd, e);
    int *const theirs[] = {&x->errors.w, &x->output.w, &x->input.r};
    for (size_t i = 0; i < ARRAY_SIZE(theirs); i++)
        if (*theirs[i] >= 0)
            close(TAKE_FD(*theirs[i]));
    return r;
}

static int carry(struct exec *x, const struct process *runtime, int pidfd, struct shale_err *e)
{
    if (x->tty)
        return carry_terminal(x, pidfd, e);
    if (!x->o->detach)
        return carry_pipes(x, pidfd, e);
    int r = process_wait(runtime, -1, x->h->cancel, e);
    return r < 0 ? r : 0;
}

static void tell(const struct exec *x, enum event_kind kind, const char *detail)
{
    ctr_event(x->h, &x->c->row, kind, detail, "execID", x->id, NULL);
}

static const char *command_line(struct arena *a, const char *const *cmd)
{
    const char *line = arena_printf(a, "%s ", cmd[0]); /* docker's blank is always there */

    for (const char *const *w = cmd + 1; line && *w; w++)
        line = arena_printf(a, "%s%s%s", line, w == cmd + 1 ? "" : " ", *w);
    return line;
}

static struct process find_inner(const struct exec *x)
{
    return x->watch.init.pid ? x->watch.init : process_find(process_read_pidfile(x->pidfile));
}

/* Asked to stop: the process may have a moment to do so. It may not even be there yet. */
static void end_process(struct exec *x, const struct process *runtime)
{
    struct process p = {0};

    (void)process_kill(runtime, SIGTERM, NULL);
    for (int ms = 0; ms < TERM_MS; ms += TERM_POLL_MS) {
        if (p.pid == 0) {
            p = find_inner(x);
            (void)process_kill(&p, SIGTERM, NULL);
        }
        if (process_wait(runtime, TERM_POLL_MS, NULL, NULL) != 0)
            return;
    }
    p = find_inner(x);
    (void)process_kill(&p, SIGKILL, NULL);
    if (process_wait(runtime, TERM_MS, NULL, NULL) == 0)
        (void)process_kill(runtime, SIGKILL, NULL);
}

/* It may end, or be paused, between our look at it and the runtime's: docker's words for both. */
static int refused(const struct exec *x, const char *words, struct shale_err *e)
{
    static const char *const over[] = {"cannot exec in a stopped container",
                                       "container does not exist", "is not running"};

    for (size_t i = 0; i < ARRAY_SIZE(over); i++)
        if (strstr(words, over[i]))
            return err_set(e, SHALE_CONFLICT, "container %s is not running", x->c->row.id);
    if (strstr(words, "cannot exec in a paused container"))
        return err_set(e, SHALE_CONFLICT,
                       "Container %s is paused, unpause the container before exec", x->c->row.id);
    return runtime_refusal(RUNTIME_EXEC_FAILED, words, e);
}

static int run(struct exec *x, int *ret_status, struct shale_err *e)
{
    char words[WORDS_MAX] = "";
    pid_t pid;
    int pidfd = -1, status, r = start_runtime(x, &pid, &pidfd, e);

    if (r < 0)
        return r;
    struct process runtime = process_find(pid);
    tell(x, EVENT_CONTAINER_EXEC_START, x->line);
    r = carry(x, &runtime, pidfd, e);
    if (pidfd >= 0)
        close(pidfd);
    if (r == 1) { /* detached from: it goes on without us */
        *ret_status = -1;
        tell(x, EVENT_CONTAINER_EXEC_DETACH, NULL);
        return 0;
    }
    if (r < 0)
        end_process(x, &runtime);
    int w = spawn_wait(pid, &status, r < 0 ? NULL : e);
    if (r < 0 || w < 0)
        return r < 0 ? r : w;
    if (status != 0)
        runtime_words(x->log, NULL, 0, words, sizeof words);
    if (words[0])
        return refused(x, words, e);
    release_held(x);
    if (!x->o->detach) /* of one that is detached nobody sees the end */
        exec_tell_end(x->h, x->c, x->id, status);
    *ret_status = status;
    return 0;
}

/* Somebody stays with the process and sees its end, so that its events are those of any other. */
static int run_kept(struct exec *x, int *ret_status, struct shale_err *e)
{
    char words[WORDS_MAX] = "";
    int status;

    tell(x, EVENT_CONTAINER_EXEC_START, x->line);
    int r = keep_exec(x->h, x->c, x->id, &status, e);
    if (r < 0)
        return r;
    if (status != 0)
        runtime_words(x->log, NULL, 0, words, sizeof words);
    if (status != 0 && !words[0]) /* it has not begun: there is nobody who would */
        exec_note_end(x->c, x->id, status);
    x->kept = status == 0;
    *ret_status = status;
    return words[0] ? refused(x, words, e) : 0;
}

int exec_check(struct container_host *h, struct arena *a, const char *container,
               const char *const *cmd, struct ctr *c, struct ctr_run *run, struct shale_err *e)
{
    int r = ctr_find(h, container, a, c, e);

    if (r < 0)
        return r;
    if (!cmd || !cmd[0])
        return err_set(e, SHALE_INVALID, "No exec command specified");
    if (ctr_is(c, CTR_PAUSED))
        return err_set(e, SHALE_CONFLICT,
                       "Container %s is paused, unpause the container before exec", container);
    r = ctr_need_running(c, e);
    if (r >= 0)
        r = ctr_run_load(h, c, a, run, e);
    if (r >= 0 && !run->runtime.path[0])
        r = err_set(e, SHALE_CONFLICT, "container %s is not running", c->row.id);
    return r;
}

void exec_tell_create(struct container_host *h, struct arena *a, const struct ctr *c,
                      const char *exec_id, const char *const *cmd)
{
    const char *line = command_line(a, cmd);

    ctr_event(h, &c->row, EVENT_CONTAINER_EXEC_CREATE, line ? line : "", "execID", exec_id, NULL);
}

/* What is told of it is told of an object (exec_object.c) that was there before. */
static int run_checked(struct exec *x, bool told, int *ret_status, struct shale_err *e)
{
    const struct shale_exec_opts *o = x->o;
    struct keys keys;
    int r = keys_parse(o->streams.detach_keys, &keys, e);

    if (r < 0)
        return r;
    x->line = command_line(x->a, o->cmd);
    x->process_file = exec_path(x->c, x->id, EXEC_PROCESS, x->a);
    x->log = exec_path(x->c, x->id, EXEC_LOG, x->a);
    x->pidfile = exec_path(x->c, x->id, EXEC_PIDFILE, x->a);
    if (!x->line || !x->process_file || !x->log || !x->pidfile)
        return err_nomem(e);
    x->terminal = isatty(o->streams.in)    ? o->streams.in
                  : isatty(o->streams.out) ? o->streams.out
                                           : -1;
    r = write_process(x, e);
    if (r >= 0 && !told)
        tell(x, EVENT_CONTAINER_EXEC_CREATE, x->line);
    if (r >= 0)
        r = o->detach && x->h->keeper_command ? run_kept(x, ret_status, e) : run(x, ret_status, e);
    if (x->master >= 0)
        close(x->master);
    spawn_pipe_close(&x->errors);
    spawn_pipe_close(&x->output);
    spawn_pipe_close(&x->input);
    pidwatch_close(&x->watch);
    (void)sys_unlinkat(AT_FDCWD, x->process_file, 0);
    (void)sys_unlinkat(AT_FDCWD, x->log, 0);
    if (!x->kept)
        (void)sys_unlinkat(AT_FDCWD, x->pidfile, 0);
    return r;
}

#define EXEC_INIT(host, arena, ctr, opts)                                                          \
    {                                                                                              \
        .h = (host), .a = (arena), .c = (ctr), .o = (opts), .tty = (opts)->tty && !(opts)->detach, \
        .master = -1, .watch = PIDWATCH_NONE, .errors = SPAWN_PIPE_NONE,                           \
        .output = SPAWN_PIPE_NONE, .input = SPAWN_PIPE_NONE                                        \
    }

int container_exec(struct container_host *h, const char *container, const struct shale_exec_opts *o,
                   int *ret_status, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c;
    struct exec x = EXEC_INIT(h, &a, &c, o);
    char id[65];
    int r = exec_check(h, &a, container, o->cmd, &c, &x.run, e);

    if (r >= 0)
        r = random_hex(id, 32, e);
    x.id = id;
    return r < 0 ? r : run_checked(&x, false, ret_status, e);
}

int exec_run(struct container_host *h, struct arena *a, const struct exec_known *k,
             const struct shale_exec_opts *o, int *ret_status, struct shale_err *e)
{
    struct ctr c;
    struct exec x = EXEC_INIT(h, a, &c, o);
    int r = exec_check(h, a, k->container, o->cmd, &c, &x.run, e);

    if (r >= 0 && k->on_ready)
        r = k->on_ready(k->arg);
    x.id = k->id;
    x.foreign = true;
    x.on_terminal = k->on_terminal;
    x.arg = k->arg;
    return r < 0 ? r : run_checked(&x, true, ret_status, e);
}

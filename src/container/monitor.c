/* SPDX-License-Identifier: Apache-2.0 */
/* conmon: it creates the container through the runtime, holds its streams, writes log and exit
 * status. */
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/str.h"
#include "container/keep.h"
#include "container/endpoint.h"
#include "container/logrotate.h"
#include "container/spawn.h"
#include "container/start_priv.h"

#define ARGS_MAX   96
#define ANSWER_MAX (64u << 10)
#define WORDS_MAX  400
#define PIDFILE_MS 2000 /* conmon writes its own number beside everything else */

struct args {
    struct arena *a;
    const char *v[ARGS_MAX + 1];
    size_t n;
    bool failed;
};

static void add(struct args *x, const char *s)
{
    if (!s || x->n == ARGS_MAX)
        x->failed = true;
    else
        x->v[x->n++] = s;
}

static void add2(struct args *x, const char *name, const char *value)
{
    add(x, name);
    add(x, value);
}

static int conmon_args(struct start *s, const char *conmon, struct args *x, struct shale_err *e)
{
    static const char *const none[] = {NULL};
    const struct ctr *c = s->c;
    struct arena *a = s->a;
    const char **global;
    int r = runtime_argv(&s->rt, ctr_path(c, a, "runtime.log"), none, a, &global, e);

    if (r < 0)
        return r;
    add(x, conmon);
    add2(x, "--api-version", "1");
    add2(x, "--cid", c->row.id);
    add2(x, "--cuuid", c->row.id);
    add2(x, "--name", c->row.name);
    add2(x, "--runtime", s->rt.path);
    add2(x, "--bundle", c->dir);
    add2(x, "--container-pidfile", ctr_path(c, a, "pidfile"));
    add2(x, "--conmon-pidfile", ctr_path(c, a, "conmon.pid"));
    add2(x, "--exit-dir", c->dir);
    add2(x, "--persist-dir", c->dir);
    add2(x, "--log-path",
         logrotate_value(&c->conf).none ? "none" : arena_printf(a, "k8s-file:%s/ctr.log", c->dir));
    add2(x, "--log-level", "error");
    add(x, "--full-attach");
    if (c->conf.tty)
        add(x, "--terminal");
    if (c->conf.open_stdin)
        add(x, "--stdin");
    if (c->conf.open_stdin && (c->conf.tty || !c->conf.stdin_once))
        add(x, "--leave-stdin-open");
    for (size_t i = 1; global[i]; i++)
        add(x, arena_printf(a, "--runtime-arg=%s", global[i]));
    const char *const *exit_command = s->h->exit_command;
    if (exit_command) {
        add2(x, "--exit-command", exit_command[0]);
        for (size_t i = 1; exit_command[i]; i++)
            add(x, arena_printf(a, "--exit-command-arg=%s", exit_command[i]));
        add(x, arena_printf(a, "--exit-command-arg=%s", c->row.id));
    }
    return x->failed ? err_nomem(e) : 0;
}

/* Reads one JSON line: {"data": PID} or {"data": -1, "message": "…"} ("pid" with older ones). */
static int read_answer(struct start *s, int fd, pid_t *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(ANSWER_MAX);
    _cleanup_json_ json_t *j = NULL;
    char words[WORDS_MAX], chunk[4096];
    ssize_t n;

    while (b.n < b.max - sizeof chunk && (n = read(fd, chunk, sizeof chunk)) > 0) {
        buf_add(&b, chunk, (size_t)n);
        if (memchr(chunk, '\n', (size_t)n))
            break;
    }
    size_t line = strcspn(buf_str(&b), "\n");
    if (line == 0 || json_parse(b.p, line, ANSWER_MAX, &j, NULL) < 0)
        return err_set(e, SHALE_SYSTEM, "conmon ended without saying why");
    const json_t *data = json_object_get(j, "data");
    int64_t pid = json_integer_value(data ? data : json_object_get(j, "pid"));
    if (pid > 0 && pid <= INT32_MAX) {
        *ret = (pid_t)pid;
        return 0;
    }
    const char *message = json_string_value(json_object_get(j, "message"));
    const char *log = ctr_path(s->c, s->a, "runtime.log");
    runtime_words(log, message ? message : "", message ? strlen(message) : 0, words, sizeof words);
    return runtime_refusal(RUNTIME_CREATE_FAILED, words, e);
}

static int spawn_conmon(struct start *s, struct args *x, pid_t *ret_init, struct shale_err *e)
{
    _cleanup_(spawn_pipe_close) struct spawn_pipe sync = SPAWN_PIPE_NONE;
    char env[64];
    int status, r = spawn_pipe_open(&sync, e);
    pid_t pid;

    if (r < 0)
        return r;
    (void)snprintf(env, sizeof env, "_OCI_SYNCPIPE=%d", sync.w);
    const char *const envs[] = {env, NULL};
    int keep[HOSTPORTS_HELD + 2] = {sync.w, -1};
    if (s->c->net) /* the ports stay taken as long as it watches */
        memcpy(keep + 1, s->c->net->ports.fds, sizeof s->c->net->ports.fds);
    struct spawn_opts o = {.argv = x->v,
                           .env = envs,
                           .in = -1,
                           .out = -1,
                           .err = -1,
                           .keep_fds = keep,
                           .dir = s->c->dir, /* it leaves a file "oom" where it stands */
                           .new_session = true};
    r = spawn_start(&o, &pid, NULL, e);
    if (r < 0)
        return r;
    close(TAKE_FD(sync.w));
    r = spawn_wait(pid, &status, e); /* the first process goes at once, the monitor stays */
    if (r < 0)
        return r;
    return read_answer(s, sync.r, ret_init, e);
}

static struct process find_conmon(struct start *s)
{
    const char *path = ctr_path(s->c, s->a, "conmon.pid");
    struct process p = {0};

    for (int ms = 0; path && p.pid == 0 && ms < PIDFILE_MS; ms += 2) {
        p = process_find(process_read_pidfile(path));
        if (p.pid == 0)
            poll(NULL, 0, 2);
    }
    return p;
}

static int begin_process(struct start *s, struct shale_err *e)
{
    const char *const rest[] = {"start", s->c->row.id, NULL};
    struct shale_err why = SHALE_ERR_INIT;
    int r = runtime_call(&s->rt, rest, s->a, &why);

    return r < 0 ? runtime_refusal(RUNTIME_CREATE_FAILED, why.msg, e) : 0;
}

int monitor_start(struct start *s, int *ret_socket, struct shale_err *e)
{
    struct args x = {.a = s->a};
    struct ctr_run run = {.runtime = s->rt};
    char conmon[4096];
    _cleanup_close_ int socket = -1;
    pid_t init = 0;
    int r = proc_which("conmon", conmon, sizeof conmon, NULL);

    if (r < 0)
        return err_set(e, SHALE_UNSUPPORTED,
                       "conmon is not installed: it watches containers; install the package "
                       "conmon");
    r = conmon_args(s, conmon, &x, e);
    if (r >= 0)
        r = spawn_conmon(s, &x, &init, e);
    if (r < 0)
        return r;
    run.init = process_find(init);
    run.monitor = find_conmon(s);
    r = ctr_run_save(s->h, s->c, &run, e);
    if (r >= 0 && s->attach) {
        socket = attach_connect(s->h, s->c, e);
        r = socket < 0 ? socket : 0;
    }
    /* The row first: a process that ends at once is then recorded as one that ran. */
    if (r >= 0)
        r = start_mark_running(s, &run, e);
    if (r >= 0 && keep_is_wanted(&s->c->conf))
        r = keep_ensure(s->h, s->c, e);
    if (r >= 0) {
        ctr_await_attachers(s->h, s->c);
        r = begin_process(s, e);
    }
    if (r < 0) {
        s->c->row.run.state = CTR_CREATED; /* it never ran */
        return r;
    }
    start_tell(s);
    close(TAKE_FD(s->lock));
    *ret_socket = TAKE_FD(socket);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "build/instr/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/time.h"
#include "build/build_priv.h"
#include "container/spawn.h"

#define MAX_KEYS       32
#define KEY_BYTES      (256u << 10) /* of a file with a key */
#define MAX_TOLD_BYTES 4096
#define START_NS       (10 * NS_PER_S) /* for all keys */
#define END_NS         (2 * NS_PER_S)  /* until it is killed */
#define POLL_MS        50

struct ssh_agent {
    struct ssh_agent *next;
    char *keys;                /* as given; what it has them from */
    char socket[108];          /* where it listens */
    struct spawn_pipe control; /* its `w` closed: it ends */
    pid_t pid;                 /* of its shell */
};

/* ---- what was given ---- */

static bool is_socket(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int no_agent(const char *id, struct shale_err *e)
{
    return err_set(e, SHALE_NOT_FOUND, "--ssh %.64s: no agent: SSH_AUTH_SOCK is not set", id);
}

int ssh_find(const char *const *list, const char *id, struct arena *a, const char **ret,
             struct shale_err *e)
{
    for (; list && *list; list++) {
        const char *eq = strchr(*list, '=');
        struct str name = {*list, eq ? (size_t)(eq - *list) : strlen(*list)};
        if (!str_eq(name, str_of(id)))
            continue;
        *ret = eq ? arena_strdup(a, eq + 1) : getenv("SSH_AUTH_SOCK");
        return *ret && **ret ? 1 : no_agent(id, e);
    }
    return 0;
}

/* What a private key looks like, whatever program made it. */
static int check_key(const char *text, const char *path, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(KEY_BYTES);
    struct stat st;
    int r = 0;

    /* What can be read once only, as a pipe of <(command), would be empty for the agent. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        r = err_set(e, SHALE_INVALID,
                    "%.200s is neither the socket of an agent nor an ordinary file: write the key "
                    "into one, or give it to an agent with ssh-add",
                    path);
    if (r >= 0)
        r = fs_read_file(AT_FDCWD, path, &b, e);

    if (r >= 0 && (!strstr(buf_str(&b), "-----BEGIN ") || !strstr(buf_str(&b), "PRIVATE KEY-----")))
        r = err_set(e, SHALE_INVALID, "%.200s is neither the socket of an agent nor a private key",
                    path);
    if (b.n)
        explicit_bzero(b.p, b.n);
    return r < 0 ? err_wrap(e, r, "--ssh \"%.64s\"", text) : 0;
}

static int check_keys(const char *text, const char *paths, struct shale_err *e)
{
    struct str rest = str_of(paths), one;
    char path[PATH_MAX];
    size_t n = 0;
    int r = 0;

    while (r >= 0 && str_split(&rest, ',', &one)) {
        if (++n > MAX_KEYS || one.n >= sizeof path)
            return err_set(e, SHALE_LIMIT, "--ssh \"%.64s\": more than %d keys, or a path too long",
                           text, MAX_KEYS);
        (void)snprintf(path, sizeof path, "%.*s", (int)one.n, one.p);
        if (n > 1 && is_socket(path))
            return err_set(e, SHALE_INVALID, "--ssh \"%.64s\": only a single socket is allowed",
                           text);
        r = check_key(text, path, e);
    }
    if (r >= 0 && (proc_which("ssh-agent", path, sizeof path, NULL) < 0 ||
                   proc_which("ssh-add", path, sizeof path, NULL) < 0))
        r = err_set(e, SHALE_UNSUPPORTED,
                    "--ssh \"%.64s\": keys need ssh-agent and ssh-add, which are not installed (on "
                    "Debian: openssh-client)",
                    text);
    return r;
}

int ssh_check(const char *text, struct shale_err *e)
{
    const char *eq = strchr(text, '='), *path = eq ? eq + 1 : getenv("SSH_AUTH_SOCK");

    if (!*text || eq == text || (eq && !eq[1]))
        return err_set(e, SHALE_INVALID,
                       "--ssh \"%.64s\": write default, ID=SOCKET or ID=KEYFILE[,KEYFILE]", text);
    if (!path || !*path)
        return no_agent(text, e);
    return is_socket(path) ? 0 : check_keys(text, path, e);
}

/* ---- an agent of our own ---- */

/* What the agent runs, and ends with. It tells "at SOCKET" when it has all keys, or what is wrong
 * with one; and reads until we end, however. Keys come from standard input: whoever may read them
 * is no matter of ours. */
static const char script[] = "exec 2>&1\n"
                             "for key do\n"
                             "  ssh-add -q - <\"$key\" || { echo \"no $key\"; exit 1; }\n"
                             "done\n"
                             "echo \"at $SSH_AUTH_SOCK\"\n"
                             "exec >/dev/null 2>&1\n"
                             "read -r _\n"
                             "kill \"$SSH_AGENT_PID\"\n";

/* argv of n words, then the keys. NULL: no memory. */
static const char **arguments(const char *program, const char *keys, struct arena *a)
{
    const char **v = arena_array(a, MAX_KEYS + 8, sizeof *v);
    struct str rest = str_of(keys), one;
    size_t n = 0;

    if (!v)
        return NULL;
    v[n++] = program;
    v[n++] = "/bin/sh";
    v[n++] = "-c";
    v[n++] = script;
    v[n++] = "sh";
    while (n < MAX_KEYS + 5 && str_split(&rest, ',', &one))
        v[n++] = arena_strndup(a, one.p, one.n);
    return a->failed ? NULL : v;
}

/* 1: there is something to read. */
static int wait_answer(int fd, int64_t until_ns, struct cancel *c, struct shale_err *e)
{
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        int r = cancel_check(c, e);
        if (r < 0)
            return r;
        int n = poll(&p, 1, POLL_MS);
        if (n < 0 && errno != EINTR)
            return err_sys(e, "poll the agent");
        if (n > 0)
            return 1;
        if (time_mono_ns() > until_ns)
            return err_set(e, SHALE_TIMEOUT,
                           "--ssh: ssh-agent and ssh-add have not taken the keys within %d s",
                           (int)(START_NS / NS_PER_S));
    }
}

/* Up to its first line that says how it went. */
static int read_answer(int fd, struct buf *b, struct cancel *c, struct shale_err *e)
{
    const int64_t until_ns = time_mono_ns() + START_NS;

    for (;;) {
        char chunk[512];
        int r = wait_answer(fd, until_ns, c, e);
        if (r < 0)
            return r;
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "read from the agent");
        buf_add(b, chunk, (size_t)n);
        const char *text = buf_str(b), *at = strstr(text, "at /");
        if (n == 0 || b->n >= MAX_TOLD_BYTES || (at && strchr(at, '\n')))
            return 0;
    }
}

static int take_answer(struct ssh_agent *x, const char *text, struct shale_err *e)
{
    const char *at = text; /* a line of its own */
    char shown[300];

    while ((at = strstr(at, "at /")) && at > text && at[-1] != '\n')
        at++;
    if (at) {
        at += 3;
        size_t n = strcspn(at, "\n");
        if (n >= sizeof x->socket)
            return err_set(e, SHALE_INVALID, "the path of the agent's socket is too long");
        memcpy(x->socket, at, n);
        x->socket[n] = 0;
        return 0;
    }
    return err_set(e, SHALE_INVALID,
                   "--ssh: a key cannot be used (one with a passphrase has to be given to an agent "
                   "with ssh-add): %s",
                   str_printable(shown, sizeof shown, *text ? text : "ssh-agent does not start"));
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(TAKE_FD(*fd));
}

static int start(struct ssh_agent *x, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    _cleanup_(spawn_pipe_close) struct spawn_pipe told = SPAWN_PIPE_NONE;
    _cleanup_(buf_clear) struct buf text = BUF_INIT(2 * MAX_TOLD_BYTES);
    /* Nobody is asked for a passphrase. */
    static const char *const env[] = {"SSH_ASKPASS_REQUIRE=never", "LC_ALL=C", NULL};
    char program[PATH_MAX];
    int r = proc_which("ssh-agent", program, sizeof program, e);

    if (r < 0)
        return r;
    const char **argv = arguments(program, x->keys, &a);
    r = argv ? spawn_pipe_open(&told, e) : err_nomem(e);
    if (r >= 0)
        r = spawn_pipe_open(&x->control, e);
    const struct spawn_opts o = {.argv = argv,
                                 .env = env,
                                 .in = x->control.r,
                                 .out = told.w,
                                 .err = -1,
                                 .new_session = true};
    if (r >= 0)
        r = spawn_start(&o, &x->pid, NULL, e);
    close_end(&told.w);
    close_end(&x->control.r);
    if (r >= 0)
        r = read_answer(told.r, &text, c, e);
    return r < 0 ? r : take_answer(x, buf_str(&text), e);
}

/* It leads a session of its own, with all that it has started but the process with the keys: that
 * one looks every ten seconds whether its parent is there, and ends. */
static void end_process(pid_t pid, bool now)
{
    const int64_t until_ns = time_mono_ns() + (now ? 0 : END_NS);
    siginfo_t info = {.si_pid = 0};
    int status;

    do {
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid)
            break;
        poll(NULL, 0, now ? 0 : POLL_MS / 10);
    } while (time_mono_ns() < until_ns);
    (void)kill(-pid, SIGKILL); /* before its number can be another's */
    (void)spawn_wait(pid, &status, NULL);
}

/* now: it has not come to where it would end by itself. */
static void end(struct ssh_agent *x, bool now)
{
    spawn_pipe_close(&x->control);
    if (x->pid > 0)
        end_process(x->pid, now);
    free(x->keys);
    free(x);
}

struct ssh_agent *ssh_agents_end(struct ssh_agent *first)
{
    while (first) {
        struct ssh_agent *next = first->next;
        end(first, false);
        first = next;
    }
    return NULL;
}

static int agent_for(struct crew *c, const char *keys, struct cancel *cancel, const char **ret,
                     struct shale_err *e)
{
    struct ssh_agent *x = c->agents;

    while (x && !streq(x->keys, keys))
        x = x->next;
    if (!x) {
        x = mem_alloc(sizeof *x);
        if (!x)
            return err_nomem(e);
        *x = (struct ssh_agent){.keys = mem_strdup(keys), .control = SPAWN_PIPE_NONE};
        int r = x->keys ? start(x, cancel, e) : err_nomem(e);
        if (r < 0) {
            end(x, true);
            return r;
        }
        x->next = c->agents;
        c->agents = x;
    }
    *ret = x->socket;
    return 0;
}

int ssh_socket(struct build *b, const char *given, const char **ret, struct shale_err *e)
{
    int r;

    if (is_socket(given)) {
        *ret = given;
        return 0;
    }
    /* Others that want one wait for this one: no longer than it may take. */
    pthread_mutex_lock(&b->crew->ssh);
    r = agent_for(b->crew, given, b->cancel, ret, e);
    pthread_mutex_unlock(&b->crew->ssh);
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"

#define POLL_MS      100
#define PIPE_BLOCK   (16u << 10)
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

extern char **environ;

bool proc_is_root(void)
{
    unsigned long inside, outside, n;
    bool all = true; /* a kernel without user namespaces has no such file */
    FILE *f;

    if (geteuid() != 0)
        return false;
    f = fopen("/proc/self/uid_map", "re");
    if (f) {
        all = fscanf(f, "%lu %lu %lu", &inside, &outside, &n) == 3 && inside == 0 && outside == 0 &&
              n >= UINT32_MAX;
        (void)fclose(f);
    }
    return all;
}

bool proc_is_user(void)
{
    return geteuid() != 0 || (getenv(PROC_USER_ENV) && !proc_is_root());
}

int proc_which(const char *name, char *ret, size_t n, struct shale_err *e)
{
    const char *path = getenv("PATH");
    struct str rest = str_of(path && *path ? path : DEFAULT_PATH), dir;
    char file[4096];

    if (strchr(name, '/')) {
        if (access(name, X_OK) < 0)
            return err_sys(e, "%s", name);
        /* absolute: it may be started from elsewhere */
        file[0] = 0;
        if (name[0] != '/' && !getcwd(file, sizeof file))
            return err_sys(e, "working directory");
        return snprintf(ret, n, "%s%s%s", file, file[0] ? "/" : "", name) < (int)n
                   ? 0
                   : err_set(e, SHALE_LIMIT, "path too long: %s", name);
    }
    while (str_split(&rest, ':', &dir)) {
        if (dir.n == 0 || dir.p[0] != '/') /* never from where we happen to stand */
            continue;
        if (snprintf(file, sizeof file, "%.*s/%s", (int)dir.n, dir.p, name) >= (int)sizeof file)
            continue;
        struct stat st;
        if (access(file, X_OK) == 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode))
            return snprintf(ret, n, "%s", file) < (int)n
                       ? 0
                       : err_set(e, SHALE_LIMIT, "path too long: %s", file);
    }
    return err_set(e, SHALE_NOT_FOUND, "%s: no such program in PATH", name);
}

/* Name part length of "K=V". */
static size_t key_len(const char *kv)
{
    return strcspn(kv, "=");
}

/* Our environment with o->env put over it, as one array; its strings are borrowed. */
static char **make_env(const struct proc_opts *o)
{
    size_t n_old = 0, n_new = 0, n = 0;

    while (!o->clear_env && environ && environ[n_old])
        n_old++;
    while (o->env && o->env[n_new])
        n_new++;
    char **v = mem_array(n_old + n_new + 1, sizeof *v);
    if (!v)
        return NULL;
    for (size_t i = 0; i < n_old; i++) {
        size_t k = key_len(environ[i]), j = 0;
        while (j < n_new && !(key_len(o->env[j]) == k && strncmp(o->env[j], environ[i], k) == 0))
            j++;
        if (j == n_new)
            v[n++] = environ[i];
    }
    for (size_t j = 0; j < n_new; j++)
        v[n++] = (char *)o->env[j];
    return v;
}

/* What the child does between fork and exec: only async-signal-safe calls. Writes errno to
 * `report`. */
static _Noreturn void child(const struct proc_opts *o, const char *file, char **env,
                            const int std[3], int report)
{
    sigset_t none;
    int moved[3];

    sigemptyset(&none);
    for (int s = 1; s < 32; s++)
        if (s != SIGKILL && s != SIGSTOP)
            signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < 3; i++) { /* out of the way of 0..2 first */
        moved[i] = fcntl(std[i], F_DUPFD_CLOEXEC, 3);
        if (moved[i] < 0)
            goto fail;
    }
    for (int i = 0; i < 3; i++)
        if (dup2(moved[i], i) < 0)
            goto fail;
    for (const int *fd = o->keep_fds; fd && *fd >= 0; fd++)
        if (fcntl(*fd, F_SETFD, 0) < 0)
            goto fail;
    if (o->cwd && chdir(o->cwd) < 0)
        goto fail;
    execve(file, (char *const *)o->argv, env);
fail:;
    int errnum = errno;
    ssize_t k = write(report, &errnum, sizeof errnum);
    _exit(k == sizeof errnum ? 127 : 126);
}

/* Forks and waits until the child has become the program, or says why it could not. */
static int spawn(const struct proc_opts *o, const int std[3], pid_t *ret_pid, struct shale_err *e)
{
    char file[4096];
    int report[2], errnum = 0;
    size_t got = 0;
    int r = proc_which(o->argv[0], file, sizeof file, e);

    if (r < 0)
        return r;
    _cleanup_free_ char **env = make_env(o);
    if (!env)
        return err_nomem(e);
    if (pipe2(report, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    pid_t pid = fork();
    if (pid == 0)
        child(o, file, env, std, report[1]);
    int saved = errno;
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        errno = saved;
        return err_sys(e, "fork");
    }
    r = sys_read_full(report[0], &errnum, sizeof errnum, &got);
    close(report[0]);
    if (r < 0 || got == sizeof errnum) {
        waitpid(pid, NULL, 0);
        errno = got ? errnum : EIO;
        return err_sys(e, "%s", file);
    }
    *ret_pid = pid;
    return 0;
}

int proc_spawn(const struct proc_opts *o, pid_t *ret_pid, struct shale_err *e)
{
    _cleanup_close_ int null = o->stdin_fd ? -1 : sys_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    const int std[3] = {o->stdin_fd ? o->stdin_fd : null, o->stdout_fd ? o->stdout_fd : 1,
                        o->stderr_fd ? o->stderr_fd : 2};

    if (std[0] < 0)
        return err_sys(e, "open /dev/null");
    return spawn(o, std, ret_pid, e);
}

int proc_wait(pid_t pid, int *ret_status, struct shale_err *e)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(e, "wait for %d", (int)pid);
    *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

/* ---- run to the end, streams through pipes ---- */

struct run {
    int in, out, err; /* our ends, -1 when closed */
    const char *input;
    size_t input_n;
    struct buf *outb, *errb;
    int64_t deadline;
};

static void run_close(struct run *r)
{
    if (r->in >= 0)
        close(r->in);
    if (r->out >= 0)
        close(r->out);
    if (r->err >= 0)
        close(r->err);
}

/* Reads what is there; closes at the end of file. Past the buffer's maximum bytes are dropped, the
 * buffer remembers. */
static void take(int *fd, struct buf *b)
{
    char block[PIPE_BLOCK];
    ssize_t n = read(*fd, block, sizeof block);

    if (n > 0) {
        buf_add(b, block, (size_t)n);
        return;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    close(*fd);
    *fd = -1;
}

static void feed(struct run *r)
{
    ssize_t n = r->input_n ? write(r->in, r->input, r->input_n) : 0;

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0) {
        r->input += n;
        r->input_n -= (size_t)n;
    }
    if (n < 0 || r->input_n == 0) {
        close(r->in);
        r->in = -1;
    }
}

static int pump(struct run *r, struct cancel *c, struct shale_err *e)
{
    while (r->in >= 0 || r->out >= 0 || r->err >= 0) {
        struct pollfd p[3] = {{r->in, POLLOUT, 0}, {r->out, POLLIN, 0}, {r->err, POLLIN, 0}};
        if (poll(p, 3, POLL_MS) < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (cancel_is_set(c))
            return cancel_check(c, e);
        if (r->deadline && time_mono_ns() > r->deadline)
            return err_set(e, SHALE_TIMEOUT, "it took too long");
        if (p[0].revents)
            feed(r);
        if (p[1].revents)
            take(&r->out, r->outb);
        if (p[2].revents)
            take(&r->err, r->errb);
    }
    return 0;
}

/* Waits within the deadline: a child may close its streams and stay. */
static int reap(pid_t pid, struct run *r, struct cancel *c, int *ret_status, struct shale_err *e)
{
    int status;

    for (int64_t pause_ms = 1;; pause_ms = pause_ms < POLL_MS ? pause_ms * 2 : POLL_MS) {
        pid_t k = waitpid(pid, &status, r->deadline || c ? WNOHANG : 0);
        if (k < 0 && errno != EINTR)
            return err_sys(e, "wait for %d", (int)pid);
        if (k == pid)
            break;
        if (cancel_is_set(c))
            return cancel_check(c, e);
        if (r->deadline && time_mono_ns() > r->deadline)
            return err_set(e, SHALE_TIMEOUT, "it took too long");
        poll(NULL, 0, (int)pause_ms);
    }
    *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

static int open_pipe(bool wanted, int *ours, int *theirs, bool we_write, struct shale_err *e)
{
    int p[2];

    if (!wanted)
        return 0;
    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    *ours = p[we_write ? 1 : 0];
    *theirs = p[we_write ? 0 : 1];
    return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? err_sys(e, "fcntl") : 0;
}

int proc_run(const struct proc_opts *o, struct buf *out, struct buf *errout, int *ret_status,
             struct cancel *c, struct shale_err *e)
{
    _cleanup_(run_close) struct run r = {
        .in = -1,
        .out = -1,
        .err = -1,
        .input = o->input,
        .input_n = o->input_n,
        .outb = out,
        .errb = errout,
        .deadline = o->timeout_ns ? time_mono_ns() + o->timeout_ns : 0,
    };
    _cleanup_close_ int in = -1, to_out = -1, to_err = -1;
    pid_t pid;
    int k;

    if ((k = open_pipe(o->input != NULL, &r.in, &in, true, e)) < 0 ||
        (k = open_pipe(out != NULL, &r.out, &to_out, false, e)) < 0 ||
        (k = open_pipe(errout != NULL, &r.err, &to_err, false, e)) < 0)
        return k;
    struct proc_opts so = *o;
    if (in >= 0)
        so.stdin_fd = in;
    if (to_out >= 0)
        so.stdout_fd = to_out;
    if (to_err >= 0)
        so.stderr_fd = to_err;
    sigset_t pipe_set, old;
    sigemptyset(&pipe_set);
    sigaddset(&pipe_set, SIGPIPE);
    k = proc_spawn(&so, &pid, e);
    if (k < 0)
        return k;
    close(TAKE_FD(in));
    close(TAKE_FD(to_out));
    close(TAKE_FD(to_err));
    pthread_sigmask(SIG_BLOCK, &pipe_set,
                    &old); /* a child that does not read its input is no crash of ours */
    k = pump(&r, c, e);
    if (k == 0)
        k = reap(pid, &r, c, ret_status, e);
    struct timespec zero = {0};
    if (!sigismember(&old, SIGPIPE))
        while (sigtimedwait(&pipe_set, NULL, &zero) == SIGPIPE)
            ;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (k < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return err_wrap(e, k, "%s", o->argv[0]);
    }
    return 0;
}

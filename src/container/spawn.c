/* SPDX-License-Identifier: Apache-2.0 */
#include "container/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/mem.h"

#define CHUNK_BYTES 4096

extern char **environ;

int spawn_pidfd(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int spawn_pipe_open(struct spawn_pipe *p, struct shale_err *e)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    *p = (struct spawn_pipe){fds[0], fds[1]};
    return 0;
}

void spawn_pipe_close(struct spawn_pipe *p)
{
    if (p->r >= 0)
        close(p->r);
    if (p->w >= 0)
        close(p->w);
    *p = (struct spawn_pipe)SPAWN_PIPE_NONE;
}

static void wire_stream(posix_spawn_file_actions_t *fa, const char *tty, int fd, int as)
{
    if (tty)
        (void)posix_spawn_file_actions_addopen(fa, as, tty, O_RDWR, 0);
    else if (fd < 0)
        (void)posix_spawn_file_actions_addopen(fa, as, "/dev/null", O_RDWR, 0);
    else
        (void)posix_spawn_file_actions_adddup2(fa, fd, as);
}

/* Ours, with `add` behind. The first of a name wins in most programs, ours are then left out. */
static char **merge_env(const char *const *add)
{
    size_t n = 0, n_add = 0;
    char **v;

    while (environ && environ[n])
        n++;
    while (add && add[n_add])
        n_add++;
    v = mem_array(n + n_add + 1, sizeof *v);
    if (!v)
        return NULL;
    for (size_t i = 0; i < n_add; i++)
        memcpy(&v[i], &add[i], sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[n_add + i] = environ[i];
    return v;
}

static void set_attributes(posix_spawnattr_t *at, bool new_session)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t set;

    sigemptyset(&set);
    (void)posix_spawnattr_setsigmask(at, &set);
    sigfillset(&set);
    (void)posix_spawnattr_setsigdefault(at, &set);
    if (new_session)
        flags |= POSIX_SPAWN_SETSID;
    (void)posix_spawnattr_setflags(at, flags);
}

int spawn_start(const struct spawn_opts *o, pid_t *ret_pid, int *ret_pidfd, struct shale_err *e)
{
    _cleanup_free_ char **env = merge_env(o->env);
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    pid_t pid = -1;
    int r;

    if (!env || posix_spawn_file_actions_init(&fa) != 0)
        return err_nomem(e);
    if (posix_spawnattr_init(&at) != 0) {
        posix_spawn_file_actions_destroy(&fa);
        return err_nomem(e);
    }
    set_attributes(&at, o->new_session || o->tty);
    wire_stream(&fa, o->tty, o->in, 0);
    wire_stream(&fa, o->tty, o->out, 1);
    wire_stream(&fa, o->tty, o->err, 2);
    if (o->dir)
        (void)posix_spawn_file_actions_addchdir_np(&fa, o->dir);
    for (const int *fd = o->keep_fds; fd && *fd >= 0; fd++)
        (void)posix_spawn_file_actions_adddup2(&fa, *fd, *fd);
    r = posix_spawn(&pid, o->argv[0], &fa, &at, (char *const *)o->argv, env);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    if (r != 0) {
        errno = r;
        return err_sys(e, "start %s", o->argv[0]);
    }
    if (ret_pidfd)
        *ret_pidfd = spawn_pidfd(pid);
    *ret_pid = pid;
    return 0;
}

int spawn_wait(pid_t pid, int *ret_status, struct shale_err *e)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(e, "wait for process %d", (int)pid);
    *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

/* One read into b; false at the end. */
static bool drain(int fd, struct buf *b)
{
    char chunk[CHUNK_BYTES];
    ssize_t n = read(fd, chunk, sizeof chunk);

    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (b && b->n + (size_t)n <= b->max)
        buf_add(b, chunk, (size_t)n);
    return n > 0;
}

static void collect(int out, int errout, struct buf *out_buf, struct buf *err_buf)
{
    struct pollfd p[2] = {{out, POLLIN, 0}, {errout, POLLIN, 0}};
    struct buf *b[2] = {out_buf, err_buf};

    while (p[0].fd >= 0 || p[1].fd >= 0) {
        if (poll(p, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        for (int i = 0; i < 2; i++)
            if (p[i].fd >= 0 && p[i].revents && !drain(p[i].fd, b[i]))
                p[i].fd = -1;
    }
}

int spawn_run(const char *const *argv, struct buf *out, struct buf *errout, int *ret_status,
              struct shale_err *e)
{
    _cleanup_(spawn_pipe_close) struct spawn_pipe po = SPAWN_PIPE_NONE;
    _cleanup_(spawn_pipe_close) struct spawn_pipe pe = SPAWN_PIPE_NONE;
    struct spawn_opts o = {.argv = argv, .in = -1};
    pid_t pid;
    int r;

    r = spawn_pipe_open(&po, e);
    if (r >= 0)
        r = spawn_pipe_open(&pe, e);
    if (r < 0)
        return r;
    o.out = po.w;
    o.err = pe.w;
    o.new_session = true;
    r = spawn_start(&o, &pid, NULL, e);
    if (r < 0)
        return r;
    close(TAKE_FD(po.w));
    close(TAKE_FD(pe.w));
    collect(po.r, pe.r, out, errout);
    return spawn_wait(pid, ret_status, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/step_ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CHUNK_BYTES 16384
#define BACKLOG     16
#define PATIENCE_S  10 /* for a side that does not read */

struct pair { /* a connection of the step, and ours to the agent; -1: none */
    int fd[2];
};

struct carrier {
    struct step_ssh *s;
    struct pair v[STEP_SSH_CONNECTIONS];
};

/* ---- connections ---- */

static void pair_close(struct pair *p)
{
    for (int i = 0; i < 2; i++)
        if (p->fd[i] >= 0)
            close(TAKE_FD(p->fd[i]));
}

static int call_agent(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(to.sun_path, path, strlen(path) + 1);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) < 0)
        return -1;
    return TAKE_FD(fd);
}

static void take_caller(struct carrier *c)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct pair *p = NULL;
    int fd = accept4(c->s->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    for (size_t i = 0; i < STEP_SSH_CONNECTIONS && !p; i++)
        if (c->v[i].fd[0] < 0)
            p = &c->v[i];
    if (!p) {
        close(fd);
        return;
    }
    p->fd[0] = fd;
    p->fd[1] = call_agent(c->s->agent);
    if (p->fd[1] < 0) {
        pair_close(p);
        return;
    }
    for (int i = 0; i < 2; i++)
        (void)setsockopt(p->fd[i], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

/* False: one of the two is gone. */
static bool carry(int from, int to)
{
    char chunk[CHUNK_BYTES];
    ssize_t n = recv(from, chunk, sizeof chunk, MSG_DONTWAIT), done = 0;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    while (done < n) {
        ssize_t k = send(to, chunk + done, (size_t)(n - done), MSG_NOSIGNAL);
        if (k < 0 && errno != EINTR)
            return false;
        done += k > 0 ? k : 0;
    }
    return n > 0;
}

/* ---- the thread ---- */

static void *run(void *arg)
{
    struct pollfd p[2 + 2 * STEP_SSH_CONNECTIONS];
    struct carrier c = {.s = arg};

    for (size_t i = 0; i < STEP_SSH_CONNECTIONS; i++)
        c.v[i] = (struct pair){{-1, -1}};
    for (;;) {
        p[0] = (struct pollfd){c.s->stop, POLLIN, 0};
        p[1] = (struct pollfd){c.s->listener, POLLIN, 0};
        for (size_t i = 0; i < 2 * STEP_SSH_CONNECTIONS; i++)
            p[2 + i] = (struct pollfd){c.v[i / 2].fd[i % 2], POLLIN, 0};
        if (poll(p, sizeof p / sizeof *p, -1) < 0 && errno != EINTR)
            break;
        if (p[0].revents)
            break;
        for (size_t i = 0; i < 2 * STEP_SSH_CONNECTIONS; i++) {
            struct pair *pair = &c.v[i / 2];
            if (p[2 + i].revents && pair->fd[0] >= 0 &&
                !carry(pair->fd[i % 2], pair->fd[1 - i % 2]))
                pair_close(pair);
        }
        if (p[1].revents)
            take_caller(&c);
    }
    for (size_t i = 0; i < STEP_SSH_CONNECTIONS; i++)
        pair_close(&c.v[i]);
    return NULL;
}

/* ---- life ---- */

/* Any folder, however long its path: by way of its descriptor. */
static int listen_at(int dir_fd, const char *name, struct shale_err *e)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/%s", dir_fd, name);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) < 0 || listen(fd, BACKLOG) < 0)
        return err_sys(e, "make a socket for the SSH agent");
    return TAKE_FD(fd);
}

int step_ssh_start(struct step_ssh *s, int dir_fd, const char *name, const char *agent, uid_t uid,
                   gid_t gid, mode_t mode, struct shale_err *e)
{
    struct stat st;

    *s = (struct step_ssh)STEP_SSH_NONE;
    if (!agent || stat(agent, &st) < 0 || !S_ISSOCK(st.st_mode))
        return err_set(e, SHALE_NOT_FOUND, "there is no socket of an SSH agent at \"%.300s\"",
                       agent ? agent : "");
    if (strlen(agent) >= sizeof s->agent)
        return err_set(e, SHALE_INVALID, "the path of the SSH agent's socket is too long");
    memcpy(s->agent, agent, strlen(agent) + 1);
    s->listener = listen_at(dir_fd, name, e);
    if (s->listener < 0)
        return s->listener;
    int r = 0;
    if (fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchmodat(dir_fd, name, mode, 0) < 0)
        r = err_sys(e, "set owner and mode of the SSH agent's socket");
    s->stop = r < 0 ? -1 : eventfd(0, EFD_CLOEXEC);
    if (r >= 0 && s->stop < 0)
        r = err_sys(e, "eventfd");
    if (r >= 0 && pthread_create(&s->thread, NULL, run, s) != 0)
        r = err_set(e, SHALE_SYSTEM, "start a thread for the SSH agent");
    if (r >= 0)
        return 0;
    if (s->stop >= 0)
        close(s->stop);
    close(s->listener);
    *s = (struct step_ssh)STEP_SSH_NONE;
    return r;
}

void step_ssh_stop(struct step_ssh *s)
{
    if (s->listener < 0)
        return;
    (void)eventfd_write(s->stop, 1);
    (void)pthread_join(s->thread, NULL);
    close(TAKE_FD(s->stop));
    close(TAKE_FD(s->listener));
}

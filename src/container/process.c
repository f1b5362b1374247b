/* SPDX-License-Identifier: Apache-2.0 */
#include "container/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/time.h"
#include "container/spawn.h"

#define STAT_MAX    4096
#define PIDFILE_MAX 64
#define POLL_MS     200 /* how soon a request to stop is seen */
#define FIELD_STATE 3   /* counted as in proc_pid_stat(5) */
#define FIELD_START 22

bool process_parse_stat(const char *text, uint64_t *ret_start)
{
    const char *end = strrchr(text, ')'); /* the name may hold anything */
    struct str rest, one;
    char number[24];
    int field = FIELD_STATE;

    if (!end || end[1] != ' ')
        return false;
    rest = str_of(end + 2);
    while (rest.n > 0 && str_split(&rest, ' ', &one)) {
        if (field == FIELD_STATE && one.n == 1 && strchr("ZXx", one.p[0]))
            return false;
        if (field++ < FIELD_START)
            continue;
        if (one.n >= sizeof number)
            return false;
        memcpy(number, one.p, one.n);
        number[one.n] = 0;
        return str_to_u64(number, ret_start);
    }
    return false;
}

struct process process_find(pid_t pid)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(STAT_MAX);
    struct process p = {.pid = 0};
    char path[64];
    uint64_t start;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (pid > 0 && fs_read_file(AT_FDCWD, path, &b, NULL) >= 0 &&
        process_parse_stat(buf_str(&b), &start))
        p = (struct process){pid, start};
    return p;
}

bool process_alive(const struct process *p)
{
    struct process now = process_find(p->pid);

    return p->pid > 0 && now.pid == p->pid && now.start == p->start;
}

pid_t process_read_pidfile(const char *path)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(PIDFILE_MAX);
    uint64_t v;
    char text[PIDFILE_MAX + 1];
    struct str s;

    if (fs_read_file(AT_FDCWD, path, &b, NULL) < 0)
        return 0;
    s = str_trim((struct str){buf_str(&b), b.n});
    (void)snprintf(text, sizeof text, "%.*s", (int)s.n, s.p);
    return str_to_u64(text, &v) && v <= INT32_MAX ? (pid_t)v : 0;
}

int process_open(const struct process *p)
{
    int fd = p->pid > 0 ? spawn_pidfd(p->pid) : -1;

    if (fd >= 0 && !process_alive(p)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int process_kill(const struct process *p, int sig, struct shale_err *e)
{
    _cleanup_close_ int fd = process_open(p);

    if (fd < 0)
        return err_set(e, SHALE_NOT_FOUND, "process %d has ended", (int)p->pid);
    if (syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0) {
        if (errno == ESRCH)
            return err_set(e, SHALE_NOT_FOUND, "process %d has ended", (int)p->pid);
        return err_sys(e, "send signal %d to process %d", sig, (int)p->pid);
    }
    return 0;
}

int process_wait(const struct process *p, int64_t timeout_ms, struct cancel *c, struct shale_err *e)
{
    _cleanup_close_ int fd = process_open(p);
    int64_t end = timeout_ms < 0 ? INT64_MAX : time_mono_ns() / NS_PER_MS + timeout_ms;

    while (fd >= 0) {
        struct pollfd pfd = {fd, POLLIN, 0};
        int64_t left = timeout_ms < 0 ? POLL_MS : end - time_mono_ns() / NS_PER_MS;
        int r = cancel_check(c, e);
        if (r < 0)
            return r;
        if (left <= 0)
            return 0;
        r = poll(&pfd, 1, left < POLL_MS ? (int)left : POLL_MS);
        if (r < 0 && errno != EINTR)
            return err_sys(e, "wait for process %d", (int)p->pid);
        if (r > 0)
            break;
    }
    return 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/streamer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/sys.h"
#include "base/time.h"

#define BACKLOG 4096 /* they are let in when there is output */
#define LOOK_MS 200
#define LAST_NS (5 * NS_PER_S) /* for all who do not read, when there will be no more */

/* The socket's path may be longer than an address holds. */
int streamer_open(struct streamer *s, const char *dir, struct shale_err *e)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    _cleanup_close_ int at = sys_openat(AT_FDCWD, dir, O_PATH | O_DIRECTORY, 0);
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (at < 0 || fd < 0)
        return err_sys(e, "%s/attach", dir);
    (void)sys_unlinkat(at, "attach", 0);
    (void)snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/attach", at);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, BACKLOG) < 0)
        return err_sys(e, "%s/attach", dir);
    *s = (struct streamer){.fd = TAKE_FD(fd)};
    return 0;
}

void streamer_close(struct streamer *s)
{
    for (size_t i = 0; i < s->n; i++)
        close(s->v[i]);
    if (s->fd >= 0)
        close(s->fd);
    *s = (struct streamer)STREAMER_NONE;
}

static bool has_gone(int fd)
{
    struct pollfd p = {fd, 0, 0}; /* who only writes no more reads on: that is no POLLHUP */

    return poll(&p, 1, 0) > 0;
}

static void forget_gone(struct streamer *s)
{
    size_t left = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (has_gone(s->v[i]))
            close(s->v[i]);
        else
            s->v[left++] = s->v[i];
    }
    s->n = left;
}

static void let_in(struct streamer *s)
{
    int fd;

    while (s->fd >= 0 && (fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        if (s->n == STREAMER_READERS)
            forget_gone(s);
        if (s->n < STREAMER_READERS && !has_gone(fd))
            s->v[s->n++] = fd;
        else
            close(fd);
    }
}

/* Until it is worth asking again whether there is still a process. */
static int look_ms(const struct streamer *s)
{
    int64_t left = s->end_ns == 0 ? LOOK_MS : (s->end_ns - time_mono_ns()) / NS_PER_MS + 1;

    return left <= 1 ? 0 : left < LOOK_MS ? (int)left : LOOK_MS;
}

/* false: it has gone, or will not read any more. */
static bool send_packet(struct streamer *s, int fd, const char *p, size_t n,
                        bool (*alive)(void *arg), void *arg)
{
    struct pollfd w = {fd, POLLOUT, 0};

    for (;;) {
        if (send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return true;
        if (errno != EAGAIN && errno != EINTR)
            return false;
        if (poll(&w, 1, look_ms(s)) > 0)
            continue;
        if (alive(arg))
            s->end_ns = 0;
        else if (s->end_ns == 0)
            s->end_ns = time_mono_ns() + LAST_NS;
        else if (time_mono_ns() >= s->end_ns)
            return false;
    }
}

void streamer_put(struct streamer *s, int stream, const char *p, size_t n, bool (*alive)(void *arg),
                  void *arg)
{
    char packet[1 + STREAMER_BYTES];

    let_in(s);
    while (s->n > 0 && n > 0) {
        size_t k = n < STREAMER_BYTES ? n : STREAMER_BYTES, left = 0;
        packet[0] = (char)(stream + 1);
        memcpy(packet + 1, p, k);
        for (size_t i = 0; i < s->n; i++) {
            if (send_packet(s, s->v[i], packet, k + 1, alive, arg))
                s->v[left++] = s->v[i];
            else
                close(s->v[i]);
        }
        s->n = left;
        p += k;
        n -= k;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sdnotify.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"

static int address_of(const char *name, struct sockaddr_un *ret, socklen_t *ret_n,
                      struct shale_err *e)
{
    size_t n = strlen(name);

    if ((*name != '/' && *name != '@') || n < 2 || n >= sizeof ret->sun_path)
        return err_set(e, SHALE_INVALID, "$NOTIFY_SOCKET is no path and no abstract name");
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, name, n);
    if (*name == '@')
        ret->sun_path[0] = 0;
    *ret_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*name == '/'));
    return 0;
}

int sdnotify_send(const char *text, struct shale_err *e)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to;
    socklen_t n_to;

    if (!name || !*name)
        return 0;
    if (strlen(text) > SDNOTIFY_MAX_BYTES)
        return err_set(e, SHALE_LIMIT, "a notification of more than %d bytes", SDNOTIFY_MAX_BYTES);
    int r = address_of(name, &to, &n_to, e);
    if (r < 0)
        return r;
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, "notification socket");
    ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)&to, n_to);
    return sent < 0 ? err_sys(e, "notify %s", name) : 1;
}

int sdnotify_ready(const char *status, struct shale_err *e)
{
    char text[SDNOTIFY_MAX_BYTES + 1], plain[512];

    if (!status)
        return sdnotify_send("READY=1\n", e);
    str_printable(plain, sizeof plain, status); /* one line */
    snprintf(text, sizeof text, "READY=1\nSTATUS=%s\n", plain);
    return sdnotify_send(text, e);
}

int sdnotify_reloading(struct shale_err *e)
{
    char text[128];

    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
             (long long)(time_mono_ns() / 1000));
    return sdnotify_send(text, e);
}

int sdnotify_stopping(struct shale_err *e)
{
    return sdnotify_send("STOPPING=1\n", e);
}

int sdnotify_watchdog(struct shale_err *e)
{
    return sdnotify_send("WATCHDOG=1\n", e);
}

int64_t sdnotify_watchdog_ns(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t us, of;

    if (!usec || !str_to_u64(usec, &us) || us == 0 || us > (uint64_t)INT64_MAX / 1000)
        return 0;
    if (pid && (!str_to_u64(pid, &of) || of != (uint64_t)getpid()))
        return 0;
    return (int64_t)us * 1000;
}

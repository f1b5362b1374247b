/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses: their text, and listening on them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "http/server.h"

#define BACKLOG         4096 /* clients of a path do not wait for room */
#define MAX_CONNECTIONS 20000
#define SPARE_FDS       160 /* the database, uploads, listeners, threads' own */

/* "host:port", "[v6]:port", ":port" */
static int split_address(const char *s, char *host, size_t n, const char **port,
                         struct shale_err *e)
{
    const char *colon = strrchr(s, ':'), *from = s, *to = colon;

    if (colon && s[0] == '[' && colon > s && colon[-1] == ']') {
        from++;
        to--;
    } else if (colon && memchr(s, ':', (size_t)(colon - s))) {
        colon = NULL; /* v6 without brackets */
    }
    uint64_t number;
    if (!colon || !str_to_u64(colon + 1, &number) || number > UINT16_MAX ||
        (size_t)(to - from) >= n)
        return err_set(e, SHALE_INVALID,
                       "address \"%.100s\" is none: write HOST:PORT, [IPV6]:PORT or :PORT", s);
    memcpy(host, from, (size_t)(to - from));
    host[to - from] = 0;
    *port = colon + 1;
    return 0;
}

static void name_listener(struct http_listener *l)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    char host[INET6_ADDRSTRLEN] = "", port[8] = "";

    (void)getsockname(l->fd, (struct sockaddr *)&a, &n);
    (void)getnameinfo((struct sockaddr *)&a, n, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(l->name, sizeof l->name, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static int listen_on(const struct addrinfo *ai, bool both)
{
    int one = 1, zero = 0;
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (ai->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, both ? &zero : &one, sizeof one);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int http_listen_tcp(const char *address, struct http_listener *ret, struct shale_err *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
    char host[256];
    const char *port;
    int r = split_address(address, host, sizeof host, &port, e);

    if (r < 0)
        return r;
    int rc = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
    if (rc != 0)
        return err_set(e, SHALE_INVALID, "address \"%.100s\": %s", address, gai_strerror(rc));
    struct http_listener l = {.fd = -1};
    int saved = 0;
    /* Without a host one socket for v6 serves both; else the first address that works. */
    for (int pass = host[0] ? 1 : 0; l.fd < 0 && pass < 2; pass++) {
        for (struct addrinfo *ai = list; ai && l.fd < 0; ai = ai->ai_next) {
            if (pass == 0 && ai->ai_family != AF_INET6)
                continue;
            l.fd = listen_on(ai, !host[0]);
            saved = errno;
        }
    }
    freeaddrinfo(list);
    if (l.fd < 0) {
        errno = saved;
        return err_sys(e, "cannot listen on %.100s", address);
    }
    name_listener(&l);
    *ret = l;
    return 0;
}

bool http_listener_is_local(const struct http_listener *l)
{
    return str_has_prefix(l->name, "127.") || str_has_prefix(l->name, "[::1]") ||
           str_has_prefix(l->name, "[::ffff:127.") || l->name[0] == '/';
}

/* ---- sockets of this machine ---- */

static int unix_address(const char *path, struct sockaddr_un *ret, struct shale_err *e)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!*path || strlen(path) >= sizeof ret->sun_path)
        return err_set(e, SHALE_INVALID, "socket \"%.120s\": a path has 1 to %zu bytes", path,
                       sizeof ret->sun_path - 1);
    memcpy(ret->sun_path, path, strlen(path) + 1);
    return 0;
}

/* Nobody listens on what lies there: it can go. */
static int clear_path(const struct sockaddr_un *a, struct shale_err *e)
{
    _cleanup_close_ int fd = -1;
    struct stat st;

    if (lstat(a->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : err_sys(e, "socket %s", a->sun_path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, SHALE_EXISTS, "%s is there and no socket", a->sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(e, "socket");
    if (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 || errno == EAGAIN)
        return err_set(e, SHALE_EXISTS, "somebody listens on %s already", a->sun_path);
    if (sys_unlinkat(AT_FDCWD, a->sun_path, 0) < 0 && errno != ENOENT)
        return err_sys(e, "socket %s of a process that has ended", a->sun_path);
    return 0;
}

int http_listen_unix(const char *path, mode_t mode, gid_t gid, struct http_listener *ret,
                     struct shale_err *e)
{
    _cleanup_close_ int fd = -1;
    struct sockaddr_un a;
    int r = unix_address(path, &a, e);

    if (r >= 0)
        r = clear_path(&a, e);
    if (r < 0)
        return r;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Nobody else may come in between making it and giving it its mode. */
    if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) < 0)
        return err_sys(e, "cannot listen on %s", path);
    if ((gid != (gid_t)-1 && lchown(path, (uid_t)-1, gid) < 0) || chmod(path, mode) < 0 ||
        listen(fd, BACKLOG) < 0) {
        r = err_sys(e, "cannot listen on %s", path);
        (void)sys_unlinkat(AT_FDCWD, path, 0);
        return r;
    }
    struct http_listener l = {.fd = TAKE_FD(fd)};
    snprintf(l.name, sizeof l.name, "%s", path);
    *ret = l;
    return 0;
}

int http_listen_fd(int fd, struct http_listener *ret, struct shale_err *e)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a, int_n = sizeof(int);
    struct http_listener l = {.fd = fd};
    int listens = 0, flags = fcntl(fd, F_GETFL);

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_n) < 0 || !listens ||
        getsockname(fd, (struct sockaddr *)&a, &n) < 0)
        return err_set(e, SHALE_INVALID,
                       "descriptor %d that was handed over is no listening socket", fd);
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return err_sys(e, "descriptor %d", fd);
    if (a.ss_family == AF_UNIX) {
        const struct sockaddr_un *u = (const struct sockaddr_un *)(const void *)&a;
        snprintf(l.name, sizeof l.name, "%.*s", (int)(sizeof u->sun_path), u->sun_path);
    } else {
        name_listener(&l);
    }
    *ret = l;
    return 0;
}

void http_address_text(const struct sockaddr *a, char *ret, size_t n)
{
    char text[INET6_ADDRSTRLEN];

    if (a && a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        snprintf(ret, n, "%s:%u", text, ntohs(in->sin_port));
    } else if (a && a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)a;
        bool v4 = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr); /* a listener of both */
        if (v4)
            inet_ntop(AF_INET, in->sin6_addr.s6_addr + 12, text, sizeof text);
        else
            inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
        snprintf(ret, n, v4 ? "%s:%u" : "[%s]:%u", text, ntohs(in->sin6_port));
    } else {
        snprintf(ret, n, "unix");
    }
}

/* ---- what both servers begin with ---- */

struct http_listener *http_listeners_copy(const struct http_listener *l, size_t n)
{
    struct http_listener *copy = mem_array(n, sizeof *copy);

    if (copy && n)
        memcpy(copy, l, n * sizeof *l);
    return copy;
}

/* A connection may need more descriptors, of the file it gets; hardly ever do all at once. */
size_t http_connection_limit(size_t wanted)
{
    struct rlimit lim = {1024, 1024};

    (void)getrlimit(RLIMIT_NOFILE, &lim);
    size_t most =
        lim.rlim_cur > 2 * SPARE_FDS ? ((size_t)lim.rlim_cur - SPARE_FDS) / 3 * 2 : SPARE_FDS / 2;
    if (wanted == 0)
        wanted = MAX_CONNECTIONS;
    return wanted < most ? wanted : most;
}

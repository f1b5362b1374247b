/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "base/time.h"
#include "http/server_priv.h"

#define BACKLOG         1024
#define MAX_CONNECTIONS 20000
#define SPARE_FDS       160 /* the database, uploads, listeners, threads' own */
#define N_WORKERS       16

/* ---- listening ---- */

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

/* ---- start and stop ---- */

static void fill_in_defaults(struct http_server_opts *o)
{
    struct rlimit lim = {1024, 1024};

    if (o->n_threads == 0) {
        o->n_threads = pool_n_cpus();
        o->n_threads = o->n_threads > 4 ? 4 : o->n_threads;
    }
    if (o->n_workers == 0)
        o->n_workers = N_WORKERS;
    if (o->head_bytes == 0)
        o->head_bytes = HTTP_HEAD_BYTES;
    if (o->idle_ns == 0)
        o->idle_ns = 75 * NS_PER_S;
    if (o->head_ns == 0)
        o->head_ns = 20 * NS_PER_S;
    if (o->stall_ns == 0)
        o->stall_ns = 60 * NS_PER_S;
    /* A connection may need a second descriptor, of the file it gets; hardly ever do all at once.
     */
    (void)getrlimit(RLIMIT_NOFILE, &lim);
    size_t most =
        lim.rlim_cur > 2 * SPARE_FDS ? ((size_t)lim.rlim_cur - SPARE_FDS) / 3 * 2 : SPARE_FDS / 2;
    if (o->max_connections == 0)
        o->max_connections = MAX_CONNECTIONS;
    if (o->max_connections > most)
        o->max_connections = most;
}

static int start_all(struct http_server *s, struct shale_err *e)
{
    bool plain = false;
    int r = mhd_api_get(&s->mhd, e);

    for (size_t i = 0; i < s->n_listeners; i++)
        plain |= !s->listeners[i].tls;
    if (r >= 0)
        r = workq_new(s->o.n_workers, &s->workq, e);
    if (r >= 0 && plain)
        r = door_open(s, 0, NULL, e);
    for (size_t i = 0; r >= 0 && i < s->o.n_certs; i++)
        r = door_open(s, i, &s->o.certs[i], e);
    return r < 0 ? r : acceptor_start(s, e);
}

static void close_all(struct http_server *s)
{
    acceptor_stop(s);
    doors_close(s);
    workq_free(s->workq);
    peers_free(s);
    free(s->listeners);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

int http_server_start(const struct http_server_opts *o, const struct http_listener *l, size_t n,
                      struct http_server **ret, struct shale_err *e)
{
    struct http_server *s = mem_alloc(sizeof *s);
    struct http_listener *copy = mem_array(n, sizeof *copy);

    if (!s || !copy) {
        free(s);
        free(copy);
        return err_nomem(e);
    }
    memcpy(copy, l, n * sizeof *l);
    s->listeners = copy;
    s->n_listeners = n;
    s->o = *o;
    s->epoll_fd = s->event_fd = -1;
    s->conns.next = s->conns.prev = &s->conns;
    s->waiting.next = s->waiting.prev = &s->waiting;
    pthread_mutex_init(&s->mutex, NULL);
    fill_in_defaults(&s->o);
    int r = start_all(s, e);
    if (r < 0) {
        close_all(s);
        return r;
    }
    *ret = s;
    return 0;
}

struct http_server *http_server_stop(struct http_server *s, int64_t grace_ns)
{
    struct timespec pause = {.tv_nsec = 5 * NS_PER_MS};

    if (!s)
        return NULL;
    acceptor_stop(s);
    (void)delays_end(s, 0, 0, true);
    for (size_t i = 0; i < s->n_listeners; i++)
        close(s->listeners[i].fd);
    int64_t end = time_mono_ns() + grace_ns;
    /* After the grace time connections are broken; what runs in work threads ends by itself.
     * Nothing may be suspended when the daemons stop. */
    while (atomic_load(&s->n_active) > 0) {
        bool early = time_mono_ns() < end;
        conns_drop(s, early);
        if (!early && s->o.let_go)
            s->o.let_go(s->o.arg);
        nanosleep(&pause, NULL);
    }
    close_all(s);
    return NULL;
}

void http_server_stats(struct http_server *s, struct http_server_stats *ret)
{
    ret->n_requests = atomic_load(&s->n_requests);
    ret->n_active = atomic_load(&s->n_active);
    ret->n_bytes_in = atomic_load(&s->n_bytes_in);
    pthread_mutex_lock(&s->mutex);
    ret->n_connections = s->n_conns;
    pthread_mutex_unlock(&s->mutex);
}

int64_t http_server_beat(const struct http_server *s)
{
    return atomic_load(&s->beat);
}

struct workq *http_server_workq(struct http_server *s)
{
    return s->workq;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/time.h"
#include "http/server_priv.h"

#define N_WORKERS 16

/* ---- start and stop ---- */

static void fill_in_defaults(struct http_server_opts *o)
{
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
    o->max_connections = http_connection_limit(o->max_connections);
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

    if (!s || !(s->listeners = http_listeners_copy(l, n))) {
        free(s);
        return err_nomem(e);
    }
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

/* SPDX-License-Identifier: Apache-2.0 */
/* Who is connected, since when, and who has to go. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/time.h"
#include "http/server_priv.h"

static void link_conn(struct http_server *s, struct conn *k)
{
    pthread_mutex_lock(&s->mutex);
    k->next = &s->conns;
    k->prev = s->conns.prev;
    k->prev->next = k->next->prev = k;
    s->n_conns++;
    pthread_mutex_unlock(&s->mutex);
}

/* Before libmicrohttpd closes the socket: afterwards nobody may shut it down. */
static void unlink_conn(struct http_server *s, struct conn *k)
{
    pthread_mutex_lock(&s->mutex);
    k->prev->next = k->next;
    k->next->prev = k->prev;
    s->n_conns--;
    pthread_mutex_unlock(&s->mutex);
    peer_leave(s, &k->peer);
    free(k->client_name);
    free(k);
}

void conn_notify(void *cls, struct MHD_Connection *c, void **ctx,
                 enum MHD_ConnectionNotificationCode what)
{
    struct desk *desk = cls;
    struct http_server *s = desk->door->s;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*ctx)
            unlink_conn(s, *ctx);
        *ctx = NULL;
        atomic_fetch_sub(&desk->n_conns, 1);
        return;
    }
    const union MHD_ConnectionInfo *fd =
        s->mhd->get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *from =
        s->mhd->get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct conn *k = fd ? mem_alloc(sizeof *k) : NULL;
    struct peer_key key = {{0}};
    desk->noted = true;
    if (from && from->client_addr)
        peer_key_of(from->client_addr, &key);
    if (!k) {
        peer_leave(s, &key);
        return; /* its requests are refused */
    }
    k->peer = key;
    k->s = s;
    k->desk = desk;
    k->fd = fd->connect_fd;
    conn_set(k, CONN_IDLE);
    link_conn(s, k);
    *ctx = k;
}

void conn_set(struct conn *k, enum conn_phase phase)
{
    k->moved = 0;
    atomic_store_explicit(&k->since, time_mono_ns(), memory_order_relaxed);
    atomic_store_explicit(&k->phase, (int)phase, memory_order_relaxed);
}

/* In a work thread: only what is atomic. */
void conn_wait_over(struct conn *k)
{
    atomic_store_explicit(&k->since, time_mono_ns(), memory_order_relaxed);
    atomic_store(&k->waits_for_us, false);
}

void conn_moved(struct conn *k, size_t n)
{
    int64_t window = k->s->o.stall_ns / NS_PER_S;

    k->moved += n;
    if (k->moved >= (uint64_t)(HTTP_MIN_BODY_RATE * (window ? window : 1))) {
        k->moved = 0;
        atomic_store_explicit(&k->since, time_mono_ns(), memory_order_relaxed);
    }
}

/* Only the socket is shut down: libmicrohttpd sees the end and cleans up. */
static void drop(struct conn *k)
{
    if (!k->dropped)
        (void)shutdown(k->fd, SHUT_RDWR);
    k->dropped = true;
}

static bool too_slow(const struct http_server *s, struct conn *k, int64_t now)
{
    int64_t age = now - atomic_load_explicit(&k->since, memory_order_relaxed);

    switch ((enum conn_phase)atomic_load_explicit(&k->phase, memory_order_relaxed)) {
    case CONN_IDLE:
        return age > s->o.idle_ns;
    case CONN_HEAD:
        return age > s->o.head_ns;
    case CONN_BODY:
        return age > s->o.stall_ns && !atomic_load(&k->waits_for_us);
    case CONN_RUN: /* an answer on its way has libmicrohttpd's own clock */
        break;
    }
    return false;
}

void conns_reap(struct http_server *s, int64_t now, bool crowded)
{
    struct conn *oldest = NULL;
    int64_t since = INT64_MAX;

    pthread_mutex_lock(&s->mutex);
    for (struct conn *k = s->conns.next; k != &s->conns; k = k->next) {
        if (k->dropped)
            continue;
        if (too_slow(s, k, now)) {
            drop(k);
            continue;
        }
        int64_t t = atomic_load_explicit(&k->since, memory_order_relaxed);
        if (atomic_load_explicit(&k->phase, memory_order_relaxed) == CONN_IDLE && t < since) {
            since = t;
            oldest = k;
        }
    }
    if (crowded && oldest)
        drop(oldest);
    pthread_mutex_unlock(&s->mutex);
}

void conns_drop(struct http_server *s, bool only_idle)
{
    pthread_mutex_lock(&s->mutex);
    for (struct conn *k = s->conns.next; k != &s->conns; k = k->next)
        if (!only_idle || atomic_load_explicit(&k->phase, memory_order_relaxed) == CONN_IDLE)
            drop(k);
    pthread_mutex_unlock(&s->mutex);
}

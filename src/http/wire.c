/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop, and the threads of requests. */
#include "http/wire.h"

#include <malloc.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/thread.h"
#include "base/time.h"
#include "http/wire_priv.h"

#define MAX_REQUESTS 4096
#define STACK_BYTES  (1u << 20)
#define LINGER_NS    (5 * NS_PER_S)

/* ---- threads that come and go ---- */

static void wait_for_work(struct wire_server *s, int64_t until)
{
    struct timespec t = {until / NS_PER_S, until % NS_PER_S};

    s->n_waiting++;
    (void)pthread_cond_clockwait(&s->work, &s->mutex, CLOCK_MONOTONIC, &t);
    s->n_waiting--;
}

static void *thread_main(void *arg)
{
    struct wire_server *s = arg;
    int64_t until = time_mono_ns() + LINGER_NS;

    pthread_mutex_lock(&s->mutex);
    for (;;) {
        struct wconn *k = s->ready;
        if (k) {
            s->ready = k->ready;
            if (!s->ready)
                s->ready_tail = &s->ready;
            s->n_ready--;
            s->n_running++;
            pthread_mutex_unlock(&s->mutex);
            wire_serve(k);
            pthread_mutex_lock(&s->mutex);
            s->n_running--;
            until = time_mono_ns() + LINGER_NS;
        } else if (s->no_more || time_mono_ns() >= until) {
            break;
        } else {
            wait_for_work(s, until);
        }
    }
    /* It has become quiet: what many requests needed goes back to the system. */
    if (s->n_threads - 1 <= s->most_threads / 2) {
        s->most_threads = s->n_threads - 1;
        pthread_mutex_unlock(&s->mutex);
        if (s->o.on_quiet)
            s->o.on_quiet(s->o.arg);
        (void)malloc_trim(0);
        pthread_mutex_lock(&s->mutex);
    }
    s->n_threads--;
    if (s->n_threads == 0)
        pthread_cond_signal(&s->ended);
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

static void add_thread(struct wire_server *s)
{
    s->n_threads++;
    if (thread_start(NULL, STACK_BYTES, thread_main, s, NULL) < 0)
        s->n_threads--;
    else if (s->n_threads > s->most_threads)
        s->most_threads = s->n_threads;
}

void wire_help(struct wire_server *s)
{
    if (s->n_ready > 0 && s->n_threads == 0)
        add_thread(s);
}

/* When no thread can be had the request waits for one that is there, or for wire_help. */
void wire_push(struct wire_server *s, struct wconn *k)
{
    k->ready = NULL;
    *s->ready_tail = k;
    s->ready_tail = &k->ready;
    s->n_ready++;
    if (s->n_ready <= s->n_waiting)
        pthread_cond_signal(&s->work);
    else if (s->n_threads < s->o.max_requests)
        add_thread(s);
}

/* ---- start ---- */

static void fill_in_defaults(struct wire_opts *o)
{
    o->max_connections = http_connection_limit(o->max_connections);
    if (o->max_requests == 0)
        o->max_requests = MAX_REQUESTS;
    if (o->head_bytes == 0)
        o->head_bytes = HTTP_HEAD_BYTES;
    if (o->idle_ns == 0)
        o->idle_ns = 600 * NS_PER_S;
    if (o->head_ns == 0)
        o->head_ns = 20 * NS_PER_S;
}

static void free_server(struct wire_server *s)
{
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    if (s->event_fd >= 0)
        close(s->event_fd);
    wtls_unref(s->papers);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->ended);
    pthread_mutex_destroy(&s->mutex);
    free(s->listeners);
    free(s);
}

int wire_start(const struct wire_opts *o, const struct http_listener *l, size_t n,
               struct wire_server **ret, struct shale_err *e)
{
    struct wire_server *s = mem_alloc(sizeof *s);

    if (!s || !(s->listeners = http_listeners_copy(l, n))) {
        free(s);
        return err_nomem(e);
    }
    s->n_listeners = n;
    s->o = *o;
    s->epoll_fd = s->event_fd = -1;
    s->conns.next = s->conns.prev = &s->conns;
    s->ready_tail = &s->ready;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->ended, NULL);
    fill_in_defaults(&s->o);
    int r = o->cert ? wtls_load(o->cert, &s->papers, e) : 0;
    if (r >= 0)
        r = wloop_start(s, e);
    if (r < 0) {
        free_server(s);
        return r;
    }
    *ret = s;
    return 0;
}

int wire_reload_tls(struct wire_server *s, const struct http_cert *c, struct shale_err *e)
{
    struct wtls_papers *p = NULL;
    int r = wtls_load(c, &p, e);

    if (r < 0)
        return r;
    pthread_mutex_lock(&s->mutex);
    struct wtls_papers *old = s->papers;
    s->papers = p;
    pthread_mutex_unlock(&s->mutex);
    wtls_unref(old);
    return 0;
}

/* ---- stop ---- */

/* Those who would wait for ever are told; with `hard` nobody has a connection any more. */
static void tell_all(struct wire_server *s, bool hard)
{
    pthread_mutex_lock(&s->mutex);
    for (struct wconn *k = s->conns.next; k != &s->conns; k = k->next) {
        if (!k->gone && k->on_gone)
            k->on_gone(k->on_gone_arg);
        k->gone |= k->on_gone != NULL;
        if (k->taken || hard)
            (void)shutdown(k->fd, SHUT_RDWR);
        if (k->taken_fd >= 0)
            (void)shutdown(k->taken_fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&s->mutex);
}

static size_t n_left(struct wire_server *s)
{
    pthread_mutex_lock(&s->mutex);
    wire_help(s);
    size_t n = s->n_running + s->n_ready;
    pthread_mutex_unlock(&s->mutex);
    return n;
}

struct wire_server *wire_stop(struct wire_server *s, int64_t grace_ns)
{
    struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};

    if (!s)
        return NULL;
    atomic_store(&s->stopping, true);
    wloop_wake(s);
    pthread_join(s->loop, NULL);
    for (size_t i = 0; i < s->n_listeners; i++)
        close(s->listeners[i].fd);
    int64_t end = time_mono_ns() + grace_ns;
    wloop_drop_idle(s);
    while (n_left(s) > 0) {
        bool hard = time_mono_ns() >= end;
        tell_all(s, hard);
        if (hard && s->o.let_go)
            s->o.let_go(s->o.arg);
        nanosleep(&pause, NULL);
        wloop_drop_idle(s);
    }
    pthread_mutex_lock(&s->mutex);
    s->no_more = true;
    pthread_cond_broadcast(&s->work);
    while (s->n_threads > 0)
        pthread_cond_wait(&s->ended, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
    wloop_drop_idle(s);
    free_server(s);
    return NULL;
}

void wire_stats(struct wire_server *s, struct wire_stats *ret)
{
    pthread_mutex_lock(&s->mutex);
    *ret = (struct wire_stats){s->n_conns, s->n_running, s->n_threads};
    pthread_mutex_unlock(&s->mutex);
}

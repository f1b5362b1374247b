/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of the server: wire.c (start, stop, the threads of requests), wire_loop.c (the thread that
 * accepts and waits), wire_io.c (bytes in and out), wire_req.c (a request's body and answer),
 * wire_tls.c (encrypted connections), wire_pump.c (a socket for one that was taken over). */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "base/cleanup.h"
#include "http/wire.h"

/* Who has a connection: the loop (IDLE, between its events), the loop just now (HEAD), a thread. */
enum wconn_state { WCONN_IDLE, WCONN_HEAD, WCONN_RUN, WCONN_DEAD };

struct wtls;
struct wtls_papers;

struct wconn {
    struct wconn *prev, *next; /* all of them, a ring; of the mutex, as what follows */
    struct wconn *ready;       /* the next that waits for a thread; or that is dead */
    struct wire_server *s;
    enum wconn_state state;
    bool gone; /* the client has closed its side */
    void (*on_gone)(void *arg);
    void *on_gone_arg;
    int taken_fd; /* what the handler has of a connection that it took; or -1 */
    bool taken;
    bool cut; /* the answer is not whole, and only its end could tell */
    /* of whoever has it */
    int fd;
    bool wants_tls;
    struct wtls *tls; /* NULL: not encrypted, or not yet */
    char *buf;        /* what was read and not used; NULL: none */
    size_t n, cap;
    _Atomic int64_t since; /* of the phase */
    char peer[64];
};

struct wire_server {
    struct wire_opts o;
    struct http_listener *listeners;
    size_t n_listeners;
    int epoll_fd, event_fd;
    pthread_t loop;
    atomic_bool stopping;
    pthread_mutex_t mutex;
    pthread_cond_t work, ended;
    struct wconn conns; /* ring */
    size_t n_conns;
    struct wconn *ready, **ready_tail; /* with a request, for a thread */
    size_t n_ready;
    struct wconn *dead; /* for the loop to free */
    size_t n_threads, n_waiting, n_running;
    size_t most_threads;        /* since memory was given back */
    size_t n_shaking;           /* of the running ones: in a handshake */
    bool no_more;               /* threads end */
    struct wtls_papers *papers; /* of the mutex; counted */
};

/* What a thread has while it serves a request. */
struct wcall {
    struct wire_req q;
    struct wconn *k;
    struct wire_head head;
    uint64_t left; /* of the body, or of its chunk */
    bool chunk_begun, body_end, body_bad;
    bool ended, chunked, keep, continued, no_body;
    atomic_bool begun, broken; /* whoever reads the body looks at them, too */
    pthread_mutex_t mutex;     /* of the first bytes that go out */
    int64_t stall_ns;          /* of the body */
    struct wpump *pump;
};
static inline struct wcall *wcall_of(const struct wire_req *q)
{
    return (struct wcall *)(uintptr_t)q;
}

/* wire.c */
void wire_push(struct wire_server *s, struct wconn *k); /* a thread serves it; the mutex is held */
void wire_help(struct wire_server *s); /* the same for what waits although there is no thread */
void wire_serve(struct wconn *k);      /* wire_req.c: in a thread of its own */

/* wire_loop.c */
int wloop_start(struct wire_server *s, struct shale_err *e);
void wloop_wake(struct wire_server *s);
void wloop_drop_idle(struct wire_server *s);
/* Back to the loop, or to its end. From a thread. */
void wloop_give_back(struct wconn *k);
void wloop_give_up(struct wconn *k);
void wconn_refuse(struct wconn *k, int status);

/* wire_io.c. Times in ns, negative: for ever; -1 with errno (ETIMEDOUT). */
ssize_t wio_recv(struct wconn *k, void *p, size_t n, int64_t most_ns); /* 0: the end */
int wio_send(struct wconn *k, const struct iovec *v, int n, int64_t most_ns);
ssize_t wio_send_now(struct wconn *k, const void *p, size_t n); /* how many went, maybe 0; -1 */
/* Reads more into k->buf, which holds at most `max`. 1: there is more, 0: not now, -1: the end, or
 * the buffer is full (ENOBUFS). Waits at most that long for a first byte. */
int wio_fill(struct wconn *k, size_t max, int64_t most_ns);
void wio_use(struct wconn *k, size_t n); /* the first n bytes of buf are used */
bool wio_pending(struct wconn *k);       /* is there more without asking the kernel? */

/* wire_tls.c */
int wtls_load(const struct http_cert *c, struct wtls_papers **ret, struct shale_err *e);
struct wtls_papers *wtls_ref(struct wtls_papers *p);
void wtls_unref(struct wtls_papers *p); /* accepts NULL */
/* The handshake; takes a reference to the papers. */
int wtls_accept(struct wconn *k, struct wtls_papers *p, int64_t most_ns);
ssize_t wtls_recv(struct wtls *t, void *p, size_t n); /* as recv(2), EAGAIN: see wtls_events */
ssize_t wtls_send(struct wtls *t, const void *p, size_t n);
short wtls_events(struct wtls *t); /* what to poll for after EAGAIN */
bool wtls_pending(struct wtls *t);
void wtls_shut(struct wtls *t); /* tells the client the end */
void wtls_free(struct wtls *t); /* accepts NULL */

/* wire_pump.c: a socket pair, one end of which is fed from the connection and to it. */
struct wpump;
int wpump_start(struct wconn *k, struct wpump **ret, int *ret_fd);
void wpump_end(struct wpump *p); /* what the handler has written goes out first; accepts NULL */

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of the server: server.c (start, stop), server_accept.c (the thread that accepts),
 * server_door.c and server_desk.c (daemons of the library, and the threads that run them),
 * server_conn.c (who is connected), server_req.c (a request's way), server_reply.c (answers). */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/workq.h"
#include "http/mhd_api.h"
#include "http/server.h"

#define HTTP_DRAIN_BYTES  (64ull << 20) /* of a body that nobody wants, before we break off */
#define HTTP_REFUSE_BYTES (4ull << 20)  /* bodies up to here are read before a refusal */
#define HTTP_HELD_BYTES   (256u << 20)  /* of all bodies that are collected at the same time */

enum conn_phase { CONN_IDLE, CONN_HEAD, CONN_BODY, CONN_RUN };

/* A daemon of libmicrohttpd, with the thread that runs it. */
struct desk {
    struct door *door;
    struct MHD_Daemon *d;
    pthread_t thread;
    bool runs;
    int epoll_fd, event_fd; /* the daemon's, and what wakes the thread */
    atomic_bool woken, stopping;
    atomic_size_t n_conns;    /* given to it, and not closed */
    atomic_size_t n_resuming; /* threads in desk_resume */
    pthread_mutex_t mutex;    /* of arrivals */
    struct arrival *arrivals, **arrivals_tail;
    bool noted; /* of the thread: conn_notify has seen the connection that is being added */
};
/* The desks of one kind of connections. A new certificate means a new door; the old one stays until
 * its connections have ended. */
struct door {
    struct door *next;
    struct http_server *s;
    bool tls;
    bool asks, needs; /* for certificates of clients */
    size_t cert;      /* place in the list of certificates */
    uint64_t serial;
    struct revoked *revoked; /* NULL: no certificate is */
    bool retired;            /* gets no more connections */
    size_t turn;             /* of the acceptor: which desk is looked at first */
    size_t n_desks;
    struct desk desks[];
};

struct peer_key { /* an address, or the network of one */
    unsigned char b[16];
};
#define HTTP_PEER_BUCKETS 1024 /* power of two */
struct peer {
    struct peer *next;
    struct peer_key key;
    size_t n; /* connections */
};

struct conn { /* one per connection that libmicrohttpd has */
    struct conn *prev, *next;
    struct http_server *s;
    struct desk *desk;
    struct peer_key peer;
    int fd;
    bool dropped;
    bool asked; /* the certificate has been looked at */
    enum http_client client;
    uint64_t revoked_serial; /* of the door whose lists it was looked up in last */
    char *client_name;
    atomic_int phase;
    _Atomic int64_t since;    /* of the phase; in CONN_BODY: when enough had moved last */
    atomic_bool waits_for_us; /* suspended */
    uint64_t moved;           /* bytes of the body since `since` */
};

struct waiting { /* a connection that has not sent a byte */
    struct waiting *prev, *next;
    int fd;
    struct peer_key peer;
    const struct http_listener *l;
    int64_t since;
};

struct http_server {
    const struct mhd_api *mhd;
    struct http_server_opts o;
    struct door *doors; /* newest first */
    struct workq *workq;
    struct http_listener *listeners;
    size_t n_listeners;
    pthread_t acceptor;
    bool acceptor_runs;
    int epoll_fd, event_fd;
    atomic_bool stopping;
    pthread_mutex_t mutex; /* guards conns, doors, peers */
    struct peer *peers[HTTP_PEER_BUCKETS];
    struct conn conns; /* ring */
    size_t n_conns;
    struct waiting *gone;   /* to be freed */
    struct waiting waiting; /* ring; the acceptor's own */
    size_t n_waiting;
    struct req *delayed; /* answers that wait for their time, the next one first; of the mutex */
    bool no_delay;       /* it stops: nothing waits; of the mutex */
    _Atomic int64_t beat;
    atomic_size_t n_active, n_held;
    _Atomic uint64_t n_requests, n_bytes_in;
};

enum req_mode { REQ_NEW, REQ_DEFERRED, REQ_PARKED, REQ_COLLECT, REQ_STREAM, REQ_DISCARD };

struct block {
    size_t n;
    char p[HTTP_BLOCK_BYTES];
};

struct req { /* what stands behind a struct http_req */
    struct http_req q;
    struct http_server *s;
    struct MHD_Connection *c;
    struct conn *conn;
    struct work work;
    enum req_mode mode;
    bool handled;                  /* handle() was called */
    bool redecide;                 /* a deferred function has decided */
    void (*f)(struct http_req *q); /* of defer and collect, end of stream */
    int (*data)(struct http_req *q, const void *p, size_t n);
    struct http_response *response; /* given, not yet queued */
    unsigned status;
    bool failed; /* data() has returned an error */
    uint64_t discarded;
    size_t held; /* of the body, in n_held */
    char verb[16];
    char *client_name;
    int64_t delay_ns;         /* of the answer; 0: none */
    int64_t due;              /* while it is in the list of delayed ones */
    struct req *next_delayed; /* of that list */
    pthread_mutex_t mutex;    /* guards what follows, and n of blocks */
    struct block *busy;       /* for the work thread */
    struct block *fill;       /* of the network thread, unless it waits or is through */
    struct block *spare;
    bool working;                       /* a work item is queued or running */
    bool suspended;                     /* the network waits for the work thread */
    bool ended;                         /* the body is complete, f is to be called */
    bool dead;                          /* the client has gone */
    bool parked;                        /* f has returned, http_unpark is waited for */
    bool unparked;                      /* http_unpark was quicker */
    void (*next_f)(struct http_req *q); /* of it */
    char target[];
};

static inline struct req *req_of(struct http_req *q)
{
    return (struct req *)q;
}

/* server_req.c: libmicrohttpd's callbacks */
/* server_framing.c. Two readers of one head must not find two ends of its body (RFC 9112, 6.3):
 * what one of them takes for the body the other would take for a request. */
bool req_ends_are_clear(const struct req *q);
void *req_begin(void *cls, const char *uri, struct MHD_Connection *c);
enum MHD_Result req_access(void *cls, struct MHD_Connection *c, const char *url, const char *method,
                           const char *version, const char *data, size_t *n, void **req);
void req_go_on(struct req *q); /* its answer is due */
void req_completed(void *cls, struct MHD_Connection *c, void **req,
                   enum MHD_RequestTerminationCode why);

/* server_reply.c */
struct MHD_Response *response_raw(struct http_response *p);

/* server_conn.c; cls of notify is a desk */
void conn_notify(void *cls, struct MHD_Connection *c, void **ctx,
                 enum MHD_ConnectionNotificationCode what);
void conn_set(struct conn *k, enum conn_phase phase);
void conn_moved(struct conn *k, size_t n);
void conn_wait_over(struct conn *k);
/* Drops those that are too slow; when `crowded`, the longest idle one too. */
void conns_reap(struct http_server *s, int64_t now, bool crowded);
void conns_drop(struct http_server *s, bool only_idle);

/* server_peer.c: how many connections each peer has. */
struct sockaddr;
void peer_key_of(const struct sockaddr *a, struct peer_key *ret);
/* false: it has as many as it may. */
bool peer_enter(struct http_server *s, const struct peer_key *k);
void peer_leave(struct http_server *s, const struct peer_key *k);
void peers_free(struct http_server *s);

/* server_client.c: of the door that asks; fills what the request says of its client. */
void client_look(struct req *q);
/* server_revoked.c: lists of revoked certificates, in PEM, each signed by one of the authorities
 * ca_pem. INVALID says what is wrong with it. One that is out of date counts all the same, with a
 * warning. */
struct revoked;
int revoked_load(const char *path, const char *pem, const char *ca_pem, struct revoked **ret,
                 struct shale_err *e);
/* Is one of the certificates that the client has shown in a list? r may be NULL. `session`: of
 * GnuTLS. */
bool revoked_has(const struct revoked *r, void *session);
struct revoked *revoked_free(struct revoked *r); /* NULL in, NULL out */

/* server_accept.c */
int acceptor_start(struct http_server *s, struct shale_err *e);
void acceptor_stop(struct http_server *s);

/* server_delay.c */
void delay_add(struct req *q);
/* Lets go whose time has come; returns for how many ns at most the next one has to wait, `most`
 * when there is none. With `all` nothing waits from here on. */
int64_t delays_end(struct http_server *s, int64_t now, int64_t most, bool all);

/* server_desk.c: init, then set d, start; close, also when start failed or d is NULL. */
void desk_init(struct desk *desk, struct door *door);
int desk_start(struct desk *desk, struct shale_err *e);
/* Takes the descriptor and, when the connection ends, one of the peer's count. */
void desk_give(struct desk *desk, int fd, const struct peer_key *k, const void *address,
               socklen_t n);
/* What was suspended goes on. From any thread. */
void desk_resume(struct desk *desk, struct MHD_Connection *c);
void desk_halt(struct desk *desk); /* the thread ends, connections stay */
void desk_run(struct desk *desk);  /* after that, or in the thread: what can be done now */
void desk_close(struct desk *desk);

/* server_door.c */
/* c NULL: without TLS. */
int door_open(struct http_server *s, size_t cert, const struct http_cert *c, struct shale_err *e);
/* Where a new connection goes: to the desk with the fewest. For the acceptor. */
struct desk *desk_for(struct http_server *s, const struct http_listener *l);
/* Is a certificate of that session revoked by the door that new connections like those of `mine`
 * get? Only when that is another than *serial, which is set. */
bool door_revokes(struct http_server *s, const struct door *mine, uint64_t *serial, void *session);
void doors_sweep(struct http_server *s); /* in the acceptor */
void doors_close(struct http_server *s);

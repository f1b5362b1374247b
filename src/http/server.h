/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An HTTP/1.1 server (libmicrohttpd, epoll, a few threads for the network and a few for work). It
 * knows nothing of what is served.
 *
 *   http_listen_tcp("127.0.0.1:5000", &l, e);
 *   struct http_server_opts o = { .handle = my_handle, .arg = me, … };
 *   http_server_start(&o, &l, 1, &s, e);
 *   …
 *   http_server_stop(s, 30 * NS_PER_S);   // running requests are finished
 *
 * A request passes through these stages:
 *
 *   handle(arg, q)      a network thread: the head is complete. It must not block, and calls one of
 *     http_respond      … the answer, now. A body that comes with the request is thrown away.
 *     http_defer        … f(q) runs in a work thread and decides (any of these four).
 *     http_collect      … the body is collected, at most `max` bytes, then f(q) runs in a work
 *                         thread; q->body holds it, q->body_over says that it was longer.
 *     http_stream       … the body goes to data(q, p, n) in pieces, then end(q) is called, both in
 *                         work threads, one after the other. The client waits when they are slow.
 *                         When data returns a negative value the rest is thrown away.
 *     http_park         … (in f of http_defer only) f returns without an answer, and no thread
 *                         waits: the request sleeps until http_unpark.
 *
 * What runs in a work thread (f, end) must have called http_respond when it returns; if it has not,
 * the answer is 500. After that, or when the client has gone, q->done(q) is called once, from any
 * thread, no other function of the handler is running for the request then, and q is gone after it.
 *
 * A body waits in at most two blocks of HTTP_BLOCK_BYTES per request; those that are collected take
 * 256 MiB together, one more is answered with 503. Requests whose body ends in two ways (two
 * lengths, a length and chunks) are answered with 400, unseen by the handler. Clients that are
 * idle, send their head or body too slowly, or are one too many (the longest idle goes first) are
 * dropped. So is one more of a peer that has as many as a peer may (429 where TLS is not in the
 * way).
 *
 * A TLS hello on a plain listener is answered with "HTTP/1.0 400", so that clients fall back to
 * plain HTTP; a plain request on a TLS listener likewise, with a sentence.
 *
 * Errors: SYSTEM (address in use …), INVALID, UNSUPPORTED (library not installed), NO_MEMORY.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define HTTP_BLOCK_BYTES    (128u << 10)
#define HTTP_HEAD_BYTES     (32u << 10)
#define HTTP_LENGTH_UNKNOWN UINT64_MAX

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER,
};

/* What a client has shown. The handler decides what that means. */
enum http_client {
    HTTP_CLIENT_NONE,
    HTTP_CLIENT_GOOD,  /* a certificate of that authority, for clients, in its time */
    HTTP_CLIENT_WRONG, /* another one, revoked, or without a usable name */
};

struct http_req {
    enum http_method method;
    const char *verb;     /* the method as sent, cut at 15 bytes */
    const char *protocol; /* "HTTP/1.1" or "HTTP/1.0" */
    const char *target;   /* as sent, not decoded: "/v2/a/tags/list?n=5" */
    size_t path_bytes;    /* of the target, how many stand before '?' */
    uint64_t length;      /* of the body; 0: none; HTTP_LENGTH_UNKNOWN: it comes in chunks */
    bool tls;
    enum http_client client;          /* of listeners that ask for certificates */
    bool client_needed;               /* … and want one of everybody */
    const char *client_name;          /* of a good one: its common name, or first other name */
    struct buf body;                  /* of http_collect */
    bool body_over;                   /* it was longer than allowed; the rest was thrown away */
    void *ctx;                        /* the handler's own */
    void (*done)(struct http_req *q); /* the handler's; may be NULL */
    uint64_t sent_status;             /* after http_respond */
    uint64_t answer_bytes;            /* after http_respond: of the body of the answer */
    uint64_t body_bytes;              /* received so far */
};

/* A header of the request, NULL if absent; for several of one name the first. Borrowed. In handle,
 * and in functions that run while the answer has not been given. */
const char *http_req_header(const struct http_req *q, const char *name);
/* Calls f with each of that name (values of list fields may come in several lines). */
void http_req_each_header(const struct http_req *q, const char *name,
                          void (*f)(void *arg, const char *value), void *arg);
/* "127.0.0.1:4711", "[::1]:4711", "unix". */
void http_req_peer(const struct http_req *q, char *ret, size_t n);

/* ---- answers: a body and headers, usable for any number of requests at once ---- */
struct http_response;

/* Each returns NULL when memory is out (http_respond then answers 500). n bytes, copied. */
struct http_response *http_response_copy(const void *p, size_t n);
/* Borrowed until release(arg) is called, release may be NULL: p lives for ever. */
struct http_response *http_response_mem(const void *p, size_t n, void (*release)(void *arg),
                                        void *arg);
/* n bytes of a file from offset on (sendfile). Takes the descriptor, also on failure. */
struct http_response *http_response_file(int fd, uint64_t offset, uint64_t n);
/* The answer to HEAD of something with n bytes. */
struct http_response *http_response_head(uint64_t n);
/* n bytes that come into being while they are sent, `block` (which is held) at a time: read(arg,
 * pos, p, n) in a network thread returns how many it has put to p, or one of HTTP_READ_*; it must
 * not block. For one answer only. release(arg) is called once, from any thread, also when this
 * fails. */
#define HTTP_READ_WAIT 0    /* nothing now; http_wait was called, http_wake follows */
#define HTTP_READ_FAIL (-2) /* there will be no more: the connection is cut */
struct http_response *http_response_stream(uint64_t n, size_t block,
                                           ssize_t (*read)(void *arg, uint64_t pos, char *p,
                                                           size_t n),
                                           void (*release)(void *arg), void *arg);
/* In read: nothing is asked for until http_wake(q), which is called once after each http_wait, from
 * any thread, also before read has returned. A client that goes meanwhile is noticed then. */
void http_wait(struct http_req *q);
void http_wake(struct http_req *q);
/* Accepts NULL. Values must not hold line ends (they are refused, silently). */
void http_response_header(struct http_response *p, const char *name, const char *value);
struct http_response *http_response_ref(struct http_response *p);
void http_response_unref(struct http_response *p); /* accepts NULL */

/* The answer; takes one reference to p. Once per request. */
void http_respond(struct http_req *q, unsigned status, struct http_response *p);
/* In f of http_defer and http_collect: the answer is sent that much later. No thread waits for it;
 * when the server stops it goes at once. */
void http_delay(struct http_req *q, int64_t ns);
void http_defer(struct http_req *q, void (*f)(struct http_req *q));
void http_collect(struct http_req *q, size_t max, void (*f)(struct http_req *q));
/* In f of http_defer, which then returns without an answer and does not touch q any more. */
void http_park(struct http_req *q);
/* Once for each http_park, from any thread, also before f has returned: f2 runs in a work thread
 * and decides, as f of http_defer. */
void http_unpark(struct http_req *q, void (*f2)(struct http_req *q));
void http_stream(struct http_req *q, int (*data)(struct http_req *q, const void *p, size_t n),
                 void (*end)(struct http_req *q));

/* ---- listening ---- */
struct http_listener {
    int fd;
    bool tls;
    size_t cert;    /* with tls: its place in http_server_opts.certs */
    char name[128]; /* "127.0.0.1:5000", with the port that was given */
};
struct sockaddr;
/* "127.0.0.1:4711", "[::1]:4711", else "unix". a may be NULL. */
void http_address_text(const struct sockaddr *a, char *ret, size_t n);

/* "127.0.0.1:5000", "[::1]:5000", ":5000" (all addresses), "localhost:0" (a free port). */
int http_listen_tcp(const char *address, struct http_listener *ret, struct shale_err *e);
/* A path, made with that mode and, unless gid is (gid_t)-1, that group; a socket that a process
 * left behind goes. EXISTS: somebody listens there. */
int http_listen_unix(const char *path, mode_t mode, gid_t gid, struct http_listener *ret,
                     struct shale_err *e);
/* A socket that listens already, handed over by the service manager. */
int http_listen_fd(int fd, struct http_listener *ret, struct shale_err *e);
/* For the servers: a copy of the array, to be freed (NULL: no memory); and how many connections
 * there may be, `wanted` (0: 20,000) or as many as descriptors allow. */
struct http_listener *http_listeners_copy(const struct http_listener *l, size_t n);
size_t http_connection_limit(size_t wanted);
/* Can only this machine reach it? */
bool http_listener_is_local(const struct http_listener *l);

struct http_cert {
    const char *cert_file, *key_file; /* PEM */
    const char *client_ca_file;       /* PEM; clients are asked for a certificate; NULL: not */
    bool client_needed;               /* passed on in requests */
    const char *client_crl_file;      /* PEM, lists of that authority; NULL: none */
};

struct http_server;
struct http_server_opts {
    void (*handle)(void *arg, struct http_req *q);
    /* The grace time of http_server_stop is over: what is parked or waits has to go on (and fail)
     * soon. May be NULL; may be called more than once. */
    void (*let_go)(void *arg);
    void *arg;
    const struct http_cert *certs; /* of the TLS listeners */
    size_t n_certs;
    size_t n_threads;       /* for the network; 0: as many as processors, at most 4 */
    size_t n_workers;       /* 0: 16 */
    size_t max_connections; /* 0: as many as descriptors allow, at most 20,000 */
    size_t max_per_peer;    /* of one IPv4 address, or one IPv6 network of 64 bits; 0: no limit */
    size_t head_bytes; /* for a head, and some 64 more for each of its lines, and for a piece of
                          the body; 0: HTTP_HEAD_BYTES */
    int64_t idle_ns;   /* between requests; 0: 75 s */
    int64_t head_ns;   /* for a head that has begun; 0: 20 s */
    int64_t stall_ns;  /* without a piece of the body or the answer moving; 0: 60 s */
};
#define HTTP_MIN_BODY_RATE 1024 /* bytes per second of a body, averaged over stall_ns */

/* Takes over the listeners' descriptors (on success). */
int http_server_start(const struct http_server_opts *o, const struct http_listener *l, size_t n,
                      struct http_server **ret, struct shale_err *e);
/* Accepts no more, lets running requests finish for at most grace_ns, ends. Accepts NULL, returns
 * NULL. */
struct http_server *http_server_stop(struct http_server *s, int64_t grace_ns);
/* Reads certificates and their keys again, perhaps from other files: c[i] takes the place of the
 * i-th, but where it names no cert_file. Connections that stand keep the old ones, but for
 * certificates of clients that a list revokes now. On an error all old ones stay. */
int http_server_reload_tls(struct http_server *s, const struct http_cert *c, size_t n,
                           struct shale_err *e);
/* When the thread that accepts connections last went round (monotonic): it does so every second. */
int64_t http_server_beat(const struct http_server *s);

struct http_server_stats {
    uint64_t n_requests, n_active, n_connections, n_bytes_in;
};
void http_server_stats(struct http_server *s, struct http_server_stats *ret);
/* Runs f on the server's work threads: for work that must not hold up the caller. */
struct workq;
struct workq *http_server_workq(struct http_server *s);

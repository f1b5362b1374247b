/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An HTTP/1 server for conversations: a request has a thread of its own, which reads the body and
 * writes the answer with calls that block, both at once if it likes, and may take the connection
 * over. (The other server, http/server.h, is for many short requests of many strangers; a library
 * does the work there, which cannot answer before a body has ended, nor hand a connection over
 * without 101. ADR 25.)
 *
 *   http_listen_unix("/run/shale/docker.sock", 0660, gid, &l, e);
 *   struct wire_opts o = { .handle = f, .arg = me };
 *   wire_start(&o, &l, 1, &s, e);
 *   …
 *   wire_stop(s, 10 * NS_PER_S);
 *
 * Connections without a request cost no thread and, when they have said nothing, no buffer; one
 * thread waits for all of them and reads heads, so that slow heads cost nothing either. Threads of
 * requests come when they are needed, and go when they had nothing to do for some seconds.
 *
 * In handle(arg, q):
 *   wire_read        the body, as it comes
 *   wire_answer      a whole answer, or
 *   wire_begin, wire_write …   one whose length is not known: a piece is sent at once
 *   wire_take        nothing of HTTP any more: a socket
 * When it returns the answer ends. Without one the connection is closed.
 *
 * A client may pause for as long as it likes in the middle of a body or an answer (`load` from a
 * slow pipe, `logs` into a pager), unless wire_hurry says otherwise; it costs a thread. One that
 * goes is noticed at once: wire_gone, wire_on_gone.
 *
 * Errors: SYSTEM, INVALID, NO_MEMORY, UNSUPPORTED (TLS is not installed).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "http/server.h"
#include "http/wire_head.h"

struct wire_req {
    const struct wire_head *head;
    bool tls;
    const char *peer; /* "unix", "127.0.0.1:4711" */
};

struct wire_server;
struct wire_opts {
    void (*handle)(void *arg, struct wire_req *q); /* in a thread of its own */
    /* What is wrong with a head, before any handler: the body of the answer, JSON or not. Returns
     * its type. */
    const char *(*refusal)(int status, char *ret, size_t n);
    /* The grace time of wire_stop is over: what still runs has to stop soon. May be NULL; may be
     * called again. */
    void (*let_go)(void *arg);
    /* Many threads have gone, as nothing was asked for some seconds: what was kept for requests may
     * go, too. May be NULL. */
    void (*on_quiet)(void *arg);
    void *arg;
    const struct http_cert *cert; /* of the TLS listeners; NULL: there are none */
    size_t max_connections;       /* 0: as many as descriptors allow, at most 20,000 */
    size_t max_requests;          /* at once; more wait; 0: 4096 */
    size_t head_bytes;            /* 0: HTTP_HEAD_BYTES */
    int64_t idle_ns;              /* between requests; 0: 10 min */
    int64_t head_ns;              /* for a head that has begun, a body thrown away; 0: 20 s */
};

/* Takes over the listeners' descriptors (on success). */
int wire_start(const struct wire_opts *o, const struct http_listener *l, size_t n,
               struct wire_server **ret, struct shale_err *e);
/* Accepts no more; tells those whose requests have on_gone; lets the others finish for at most
 * grace_ns; then breaks what is left. Accepts NULL, returns NULL. */
struct wire_server *wire_stop(struct wire_server *s, int64_t grace_ns);
/* Reads certificate and key again; connections that stand keep theirs. */
int wire_reload_tls(struct wire_server *s, const struct http_cert *c, struct shale_err *e);

struct wire_stats {
    size_t n_connections, n_requests, n_threads;
};
void wire_stats(struct wire_server *s, struct wire_stats *ret);

/* ---- in handle ---- */
/* Up to n bytes of the body; 0: its end; -1: broken off, malformed, too slow. One thread at a
 * time. */
ssize_t wire_read(struct wire_req *q, void *p, size_t n);
/* From here on a client that sends nothing of the body for so long has broken it off; 0: it may
 * pause. */
void wire_hurry(struct wire_req *q, int64_t stall_ns);
/* A whole answer. `headers`: lines with their ends, without Content-Length and Connection. To HEAD
 * no body goes out. 0, or -1 when the client has gone. */
int wire_answer(struct wire_req *q, int status, const char *headers, const void *p, size_t n);
/* Begins one whose length is not known. */
int wire_begin(struct wire_req *q, int status, const char *headers);
int wire_write(struct wire_req *q, const void *p, size_t n);
/* As wire_write, but it never waits for the client: what does not go out at once stays in `late`,
 * with its framing, and goes before all that comes behind it. -1: the client has gone. What
 * does not fit into `late` is lost as a whole. n 0: only what lies there goes, as far as the client
 * takes it. wire_write_rest waits until it is empty; between the two there are no other writes. */
struct buf;
int wire_write_late(struct wire_req *q, struct buf *late, const void *p, size_t n);
int wire_write_rest(struct wire_req *q, struct buf *late);
/* Was one of these three called? */
bool wire_answered(const struct wire_req *q);
/* The answer cannot be completed: the connection is cut, so that the client sees it is not whole.
 */
void wire_break(struct wire_req *q);
/* Throws away what is left of a body with a Content-Length, sends `head` (all of it, verbatim) and
 * hands the connection over as a blocking stream socket: its own, or one that a thread feeds where
 * it is encrypted. It is closed when handle returns. -1: the client has gone or takes too long with
 * that body, or there are no more descriptors. */
int wire_take(struct wire_req *q, const char *head, size_t n);

/* Has the client closed (its side of) the connection, or is the server ending? */
bool wire_gone(const struct wire_req *q);
/* Calls f(arg) once when that happens (at once if it has), from another thread; not after handle
 * has returned, nor after wire_take. f must not block. f NULL: no more. */
void wire_on_gone(struct wire_req *q, void (*f)(void *arg), void *arg);

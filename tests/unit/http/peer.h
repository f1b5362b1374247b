/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An HTTP server inside a test, on a free port of loopback, that does as badly as the test wants.
 * One thread a connection; `answer` is called for each request and says with false that the
 * connection ends. It writes its answer in raw bytes, so that nothing is too strange to be said.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SERVER_MAX_SEEN  256
#define SERVER_MAX_CONNS 64

struct asked { /* one request, "" where a field was absent */
    char method[8], path[600], authorization[300], range[64], accept[600], body[1500];
    size_t conn; /* number of the connection, from 0 */
};

struct server;
struct peer {
    struct server *server;
    int fd;
    void *ssl; /* SSL * */
    size_t number;
    pthread_t thread;
    char in[32768]; /* read and not yet used */
    size_t n_in;
};

struct server {
    bool (*answer)(struct peer *p, const struct asked *q);
    void *arg;
    bool deaf;  /* set before the start: without tls, says nothing to a TLS handshake */
    bool hasty; /* answers when it has the head of a request: its body is not read */
    bool tls;   /* set before the start: a certificate of its own, for localhost and 127.0.0.1 */

    int fd, port;
    char host[32];  /* "127.0.0.1:PORT" */
    char *cert_pem; /* with tls */
    void *ssl_ctx;
    pthread_t thread;
    atomic_bool stop;
    pthread_mutex_t mutex; /* guards what follows */
    struct peer *peers[SERVER_MAX_CONNS];
    size_t n_peers; /* connections that were ever made */
    struct asked asked[SERVER_MAX_SEEN];
    size_t n_asked;
};

void server_start(struct server *s, bool (*answer)(struct peer *p, const struct asked *q),
                  void *arg);
void server_stop(struct server *s);
/* A port of loopback where nobody listens. */
int port_unused(void);

void say_bytes(struct peer *p, const void *bytes, size_t n);
void say(struct peer *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A whole answer with its length; `headers` are lines that end in \r\n. Returns true. */
bool reply(struct peer *p, int status, const char *headers, const char *body);
/* Says nothing until the other side goes away or the server stops. Returns false. */
bool stall(struct peer *p);
/* How many requests there were (path NULL: all). */
size_t n_asked(struct server *s, const char *path);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * HTTP client over libcurl, which is loaded at the first request (ADR 4). One call is one exchange
 * with all its redirects, streamed to the caller, on the calling thread:
 *
 *   http_open(&opts, &client, e);
 *   struct http_request rq = { .method = "GET", .url = "https://…", .on_body = f, .arg = x };
 *   r = http_do(client, &rq, &arena, &response, e);
 *   http_close(client);
 *
 * Connections are kept and used again. A client may be used by several threads at once: each
 * running call has a lane (an easy handle in a multi handle of its own) that goes back to the
 * client afterwards.
 *
 * Redirects (at most HTTP_MAX_REDIRECTS) are followed for GET and HEAD; the Authorization header
 * goes along only to the same scheme, host and port, and never from https to http (DENIED). HTTP/2
 * over TLS; proxies from the environment (http/proxy.h).
 *
 * Errors: NETWORK, TIMEOUT (connecting, or no byte for the stall time), CANCELED, LIMIT (headers or
 * a body over their limits), DENIED, INVALID (URL), UNSUPPORTED (no libcurl). Messages as Go's
 * net/http words them.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"

#define HTTP_MAX_REDIRECTS    10
#define HTTP_MAX_HEADER_BYTES (256u << 10) /* all header lines of one response */
#define HTTP_MAX_HEADERS      512          /* lines of one response */
#define HTTP_MAX_URL_BYTES    8192

struct http_client;
struct http_opts {
    const char *user_agent;
    int64_t connect_timeout_ns; /* 0: 30 s */
    int64_t stall_timeout_ns;   /* 0: 60 s */
};
int http_open(const struct http_opts *o, struct http_client **ret,
              struct shale_err *e); /* copies */
/* A request will be made soon: loads libcurl on a thread of its own meanwhile (15 ms). A failure
 * shows at the request. End it before the process ends: libraries do not like to be initialised
 * while their exit handlers run. */
struct http_preload {
    pthread_t thread;
    bool runs;
};
void http_preload_begin(struct http_preload *p);
void http_preload_end(struct http_preload *p); /* waits; harmless when it does not run */
struct http_client *http_close(struct http_client *c);

struct http_tls {
    const char *ca_pem; /* certificates to trust, instead of the system's; NULL: $SSL_CERT_FILE, the
                           system's */
    const char *cert_file; /* client certificate and key; NULL: none */
    const char *key_file;
    bool insecure; /* no verification */
};

struct http_header {
    const char *name, *value; /* printable text of one line; name as sent */
};
struct http_response { /* in the arena of the call */
    int status;
    const char *url; /* after redirects */
    bool elsewhere;  /* they led to another scheme, host or port: this is not the word of the peer
                        that  was asked, and credentials did not go along */
    const struct http_header *headers;
    size_t n_headers;
};
/* First header of that name (any case), or NULL. */
const char *http_header_get(const struct http_response *p, const char *name);

/* Why a call failed before or during the exchange: what retrying, or another scheme, may mend. */
enum http_failure {
    HTTP_FAIL_NONE,      /* it did not, or not for a reason of the network */
    HTTP_FAIL_CONNECT,   /* nobody listens, or no such host */
    HTTP_FAIL_TLS,       /* no TLS there, or none that we speak */
    HTTP_FAIL_HANDSHAKE, /* the peer went away in the handshake: a bad line, or no TLS there */
    HTTP_FAIL_CERT,      /* there is TLS, but one side does not accept the other's certificate */
    HTTP_FAIL_BROKEN,    /* the exchange broke off or stalled */
};

struct http_request {
    const char *method; /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    const char *const *own;     /* the same, but not to where redirects lead */
    const char *authorization;  /* value of that header, NULL: none; as `own` */
    const char *fail_as; /* URL that a failure to connect names, as if it had been got; NULL: url */
    /* Of POST, PUT and PATCH: body_n bytes, from memory or, if read_body is set, piece by piece:
     * fills up to n bytes and returns how many, 0 at the end; negative ends the call with that. */
    const void *body;
    ssize_t (*read_body)(void *arg, void *p, size_t n, struct shale_err *e);
    uint64_t body_n;
    const struct http_tls *tls; /* NULL: defaults */
    /* The head of the final response, before its body; may be NULL. Negative ends the call with
     * that. */
    int (*on_head)(void *arg, const struct http_response *p, struct shale_err *e);
    /* The body in pieces. NULL: into `collect`, or dropped. */
    int (*on_body)(void *arg, const void *p, size_t n, struct shale_err *e);
    struct buf *collect;
    void *arg;
    struct cancel *cancel;
    enum http_failure *failure; /* set when the call fails; may be NULL */
};

int http_do(struct http_client *c, const struct http_request *rq, struct arena *a,
            struct http_response *ret, struct shale_err *e);

/* `ref` as a document at `base` has it, as an absolute URL (RFC 3986, 5) in the arena. *ret_same:
 * it is at the scheme, host and port of `base`. Loads libcurl. INVALID. */
int http_resolve(const char *base, const char *ref, struct arena *a, const char **ret_url,
                 bool *ret_same, struct shale_err *e);
/* "localhost", "x.localhost", 127.0.0.0/8, ::1; IPv6 with or without brackets. No lookups. */
bool http_is_loopback(const char *host);
/* Is the host an address in "10.0.0.0/8", "fd00::/8"? */
bool http_in_cidr(const char *host, const char *cidr);
/* Percent-encodes everything but unreserved characters (RFC 3986). NULL: out of memory. */
char *http_escape(const char *s, struct arena *a);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One request and its response on a lane, without redirects. */
#include <pthread.h>

#include "http/curl_api.h"
#include "http/http.h"

struct lane { /* used by one thread at a time; keeps its connections */
    struct lane *next;
    CURL *easy;
    CURLM *multi;
};

struct http_client {
    pthread_mutex_t mutex; /* guards api and free_lanes */
    const struct curl_api *api;
    struct lane *free_lanes;
    char *user_agent;
    long connect_timeout_ms, stall_timeout_s;
};

struct exchange {
    const struct http_request *rq;
    struct arena *a;
    const char *url;
    const char *authorization;
    const struct http_tls *tls;
    bool elsewhere;    /* redirected away: no credentials any more, neither in words nor in TLS */
    const char *proxy; /* "": none */
    char dialed[80];   /* "127.0.0.1:443": the last address that was tried */
    bool shaking;      /* a server is connected, and TLS has begun (curl with OpenSSL) */
    const char *verb;  /* "Get": the method as Go's messages have it */

    struct http_response response;
    struct http_header *headers;
    size_t cap_headers, header_bytes;
    bool sent;       /* the body was asked for bytes, which cannot be had again */
    bool head_done;  /* the head of the final response is complete */
    bool redirected; /* it is a redirect that should be followed */
    uint64_t dropped_bytes;
    int r; /* what a callback of ours failed with */
    struct shale_err *e;
};

/* Runs it; x->response is the head. */
int exchange_run(struct http_client *c, struct lane *l, struct exchange *x, struct shale_err *e);

/* ---- failure.c ---- */
/* Fills e for curl's result rc (detail: its error buffer). Returns -code. */
int exchange_failure(const struct curl_api *api, struct lane *l, struct exchange *x, CURLcode rc,
                     const char *detail, struct shale_err *e);
int exchange_malformed(struct exchange *x, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside of the registry client. From the ground up: creds.c (config.json and helpers), hosts.c
 * (where a registry is and how it is spoken to), auth.c (challenges and tokens), call.c (one
 * request with credentials and retries), errors.c (what a registry's answer means), source.c (the
 * struct source), extra.c (what a struct source has no function for).
 */
#include <pthread.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cancel.h"
#include "base/json.h"
#include "http/header.h"
#include "http/http.h"
#include "remote/remote.h"

struct credential {
    const char *user, *password; /* NULL: none */
    const char *identity_token;  /* for the token server; NULL: none */
    const char *registry_token;  /* sent as it is; NULL: none */
    const char *problem;         /* why none could be read; NULL: nothing went wrong */
};

struct token {
    struct token *next;
    const char *scope;
    char *authorization; /* "Bearer …", on the heap */
    int64_t expires_ns;  /* monotonic clock */
};

struct remote_host { /* one registry; in the client's arena */
    struct remote_host *next;
    const char *domain;   /* as in references: "docker.io" */
    const char *endpoint; /* HOST[:PORT] to talk to */
    bool may_be_plain;    /* loopback, or listed insecure: http is tried when https does not work */
    bool loopback;
    const char *mirror; /* the URL that it was given by; NULL: it is asked for what it has itself */
    struct http_tls tls;

    pthread_mutex_t mutex; /* guards what follows */
    bool known, plain;     /* how it answered before */
    bool ready;            /* tls and credential have been looked up */
    struct credential credential;
    char *basic; /* "Basic …" once it was asked for, on the heap */
    struct token *tokens;
};

struct remote_client {
    struct remote_opts o;
    struct arena arena;
    pthread_mutex_t mutex; /* guards arena, hosts and http */
    struct http_client *http;
    struct remote_host *hosts;
    json_t *config;                 /* config.json, NULL: none */
    const char *const *own_headers; /* "Name: value" of config.json's HttpHeaders, NULL-ended */
    _Atomic int64_t pause_until_ns; /* monotonic; somebody asked for it; 0: nobody */
};

struct remote_repo { /* a repository and what is wanted of it */
    struct remote_client *c;
    struct remote_host *h;
    char *path, *familiar, *scope;
};
/* client.c. `actions`: "pull", "pull,push". No traffic. Clear it also after a failure. */
int repo_open(struct remote_repo *p, struct remote_client *c, const struct ref *r,
              const char *actions, struct shale_err *e);
/* The same at another registry. */
int repo_open_at(struct remote_repo *p, struct remote_client *c, const struct ref *r,
                 const char *mirror, struct shale_err *e);
void repo_clear(struct remote_repo *p);

struct remote_source {
    struct source source;
    struct remote_repo repo;
};

static inline struct remote_source *remote_source_of(struct source *s)
{
    return (struct remote_source *)s;
}
/* source.c: the path below /v2/ of the page after p, NULL after the last one. */
int source_next_page(const struct http_response *p, struct arena *a, const char **ret,
                     struct shale_err *e);

/* ---- creds.c ---- */
/* Reads config.json; missing is fine. */
int creds_load(struct remote_client *c, struct shale_err *e);
/* What is known for a registry; the strings live in `a`. Helpers are programs: this may take time.
 */
int creds_find(struct remote_client *c, const char *domain, struct arena *a, struct credential *ret,
               struct shale_err *e);

/* Under which name config.json and helpers have a registry; and is this its name? */
const char *creds_key(const char *domain);
bool creds_key_is(const char *key, const char *domain);
/* The helper that keeps a registry's credentials, NULL: config.json does. Borrowed. */
const char *creds_helper(const struct remote_client *c, const char *domain);

/* ---- hosts.c ---- */
int host_get(struct remote_client *c, const char *domain, struct remote_host **ret,
             struct shale_err *e);
/* The mirror of that URL. */
int host_get_mirror(struct remote_client *c, const char *url, struct remote_host **ret,
                    struct shale_err *e);
/* TLS material and credentials, at the first use. */
int host_prepare(struct remote_client *c, struct remote_host *h, struct shale_err *e);
void host_clear(struct remote_host *h);
void host_forget(struct remote_host *h); /* what credentials have brought; its mutex is held */

/* ---- auth.c ---- */
/* What to send for a scope without being asked, in `a`; NULL: nothing yet. */
const char *auth_known(struct remote_host *h, const char *scope, struct arena *a);
/* Answers a 401 (sent_basic: although Basic credentials were sent): obtains what its challenges ask
 * for. UNAUTHORIZED when nothing can be done. */
int auth_answer(struct remote_client *c, struct remote_host *h, const char *scope,
                const struct http_response *p, bool sent_basic, struct cancel *cancel,
                struct shale_err *e);
/* Challenges of all WWW-Authenticate lines of an answer. Returns their number. */
size_t auth_challenges(const struct http_response *p, struct arena *a,
                       struct http_challenge ret[HTTP_MAX_CHALLENGES]);

/* ---- call.c ---- */
struct attempts { /* budget of retries of one operation; reset by progress */
    uint32_t n_used;
    int64_t delay_ns;
    void (*on_pause)(void *arg, int64_t ns); /* may be NULL */
    void *arg;
};

struct call {
    const char *method, *accept, *range; /* accept and range may be NULL */
    const char *path;                    /* after "/v2/"; or */
    const char *root;                    /* instead of "v2/"; NULL: that */
    const char *url;                     /* an absolute URL, without credentials of ours, unless */
    bool at_home;                        /* it is at the registry itself */
    /* of a request with a body; as in struct http_request */
    const char *content_type, *content_range; /* NULL: none */
    const void *body;
    ssize_t (*read_body)(void *arg, void *p, size_t n, struct shale_err *e);
    uint64_t body_n;
    bool is_push;      /* for messages */
    const char *scope; /* "repository:x:pull" */
    struct cancel *cancel;
    struct attempts *attempts; /* shared over several calls; NULL: one of its own */
    /* of a 2xx answer: */
    int (*on_head)(void *arg, const struct http_response *p, struct shale_err *e);
    int (*on_body)(void *arg, const void *p, size_t n,
                   struct shale_err *e); /* NULL: into collect */
    struct buf *collect;
    void *arg;
    const char *what; /* for messages: "manifest", "blob", "tags" */
    const char *name; /* familiar reference for messages */
    const char *repo; /* familiar repository */
};

/* Runs it with credentials, scheme fallback and retries. Success is a 2xx answer; everything else
 * is an error of errors.c. *ret_broken (may be NULL): the exchange broke, or the registry asks for
 * another attempt, after on_body or read_body was called; the caller may continue. */
int call_run(struct remote_client *c, struct remote_host *h, const struct call *call,
             struct arena *a, struct http_response *ret, bool *ret_broken, struct shale_err *e);
/* A budget for a call to that host: a mirror that does not answer is not asked as often. */
struct attempts attempts_for(const struct remote_client *c, const struct remote_host *h);
/* Statuses that a later attempt may not meet again, and the pause the server asks for (0: none). */
bool status_may_pass(int status);
int64_t asked_pause(const struct http_response *p);
/* Waits before another attempt: 0, or CANCELED; -SHALE_NETWORK when the budget is used up, or the
 * peer asks for more patience than we have (e untouched). */
int attempts_wait(struct remote_client *c, struct attempts *t, int64_t asked_ns,
                  struct cancel *cancel, struct shale_err *e);

/* ---- errors.c ---- */
/* Says in docker's words what an answer that is not 2xx means. Returns -code. */
int answer_error(const struct call *call, const struct remote_host *h,
                 const struct http_response *p, struct buf *body, struct shale_err *e);

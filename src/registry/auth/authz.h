/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who asks, and may they? One call for every request of the registry, and the token service.
 *
 *   authz_open(conf, &z, e);
 *   authz_check(z, &request, &arena, &answer, e);
 *     AUTHZ_ALLOW      go on; answer.user is who asks (NULL: a stranger)
 *     AUTHZ_CHALLENGE  401 UNAUTHORIZED with WWW-Authenticate: answer.challenge
 *     AUTHZ_DENY       403 DENIED
 *     AUTHZ_HIDE       404, as for a repository that is not there
 *     AUTHZ_LATER      429 TOOMANYREQUESTS with Retry-After: answer.retry_after_ns
 *   and wait answer.delay_ns before the answer is sent (without holding a thread, if possible).
 *
 * As docker-registry does it: without or with wrong credentials 401; /v2/ itself asks everybody for
 * credentials (that is how clients learn the scheme, and what docker login tries), also when some
 * repositories are open to strangers. A user whom the rules refuse gets 403 (or 404 where the rule
 * is hidden), a token that does not reach far enough 401 with error="insufficient_scope". Empty
 * Basic credentials ("Basic Og==", what some clients send without a login) are a stranger's.
 *
 * Schemes: type none, everybody is a stranger and [rule]s say what strangers may. htpasswd: Basic.
 * token: Bearer; with our own token service Basic is taken too (docker search, curl). What our own
 * tokens allow was decided by the rules when they were issued; what an outside service's tokens
 * allow is decided there, and rules only open repositories to strangers. A client certificate is a
 * user of that name with every type, where no credentials come with the request.
 *
 * Any number of threads. `conf` is borrowed until authz_close. Changing the config is opening anew.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "registry/auth/jwt.h"
#include "registry/auth/policy.h"
#include "registry/conf/regconf.h"

#define AUTHZ_TOKEN_PATH "/auth/token"

struct authz;

int authz_open(const struct regconf *conf, struct authz **ret, struct shale_err *e);
struct authz *authz_close(struct authz *z); /* NULL in, NULL out */
/* What is worth a warning at the start (unusable lines of the password file) into ret; false:
 * nothing.
 */
bool authz_problem(struct authz *z, char *ret, size_t n);

struct authz_request {
    const char *authorization; /* header, NULL: none */
    const char *client;        /* name in a good certificate; NULL: none */
    const char *peer;          /* address without port */
    const char *base_url;      /* "https://host:port" as this client reached us */
    bool ping;                 /* /v2/: action and repository are ignored */
    enum policy_action action;
    const char *repository; /* NULL for catalog and search */
    const char *mount_from; /* of a cross-repository mount, NULL: none */
};

enum authz_decision { AUTHZ_ALLOW, AUTHZ_CHALLENGE, AUTHZ_DENY, AUTHZ_HIDE, AUTHZ_LATER };

struct authz_answer { /* strings in the arena of the call */
    enum authz_decision decision;
    const char *user;      /* NULL: a stranger */
    const char *challenge; /* with CHALLENGE */
    bool failed;           /* credentials were given and wrong: for the counter */
    bool may_mount;        /* mount_from may be pulled; else treat it as an upload */
    int64_t delay_ns, retry_after_ns;
    const struct jwt_access *access; /* of the token; for authz_sees */
    size_t n_access;
};

int authz_check(struct authz *z, const struct authz_request *q, struct arena *a,
                struct authz_answer *ret, struct shale_err *e);
/* Whether whoever was answered may pull this repository: for listings and searches. */
bool authz_sees(const struct authz *z, const struct authz_answer *who, const char *repository);

/* ---- the token service: GET and POST AUTHZ_TOKEN_PATH ---- */

bool authz_has_tokens(const struct authz *z); /* else the path is not there */

struct authz_token_request {
    bool post;                 /* OAuth2 form in `form`, else the query in `form` */
    struct str form;           /* without '?' */
    const char *authorization; /* NULL: none */
    const char *peer;
};
struct authz_token_answer {
    int status;            /* 200, 400, 401, 429 */
    const char *body;      /* JSON */
    const char *challenge; /* WWW-Authenticate with 401; may be NULL */
    const char *user;      /* NULL: a stranger, or refused */
    bool failed;
    int64_t delay_ns, retry_after_ns;
};
int authz_token(struct authz *z, const struct authz_token_request *q, struct arena *a,
                struct authz_token_answer *ret, struct shale_err *e);

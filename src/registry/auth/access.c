/* SPDX-License-Identifier: Apache-2.0 */
/* May this request go on? And the token service, which is asked for what lets it. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "model/ref.h"
#include "registry/reg.h"

#define MAX_FORM_BYTES (64u << 10)

/* Where a repository is hidden: what the route says of one that is not there. */
static const enum reg_code hidden_codes[_ROUTE_MAX] = {
    [ROUTE_TAGS] = REG_NAME_UNKNOWN,          [ROUTE_MANIFEST] = REG_MANIFEST_UNKNOWN,
    [ROUTE_BLOB] = REG_BLOB_UNKNOWN,          [ROUTE_UPLOADS] = REG_NAME_UNKNOWN,
    [ROUTE_UPLOAD] = REG_BLOB_UPLOAD_UNKNOWN, [ROUTE_REFERRERS] = REG_NAME_UNKNOWN,
    [ROUTE_REPOSITORY] = REG_NAME_UNKNOWN,
};

const char *rq_base_url(struct rq *rq)
{
    const char *configured = rq->live->conf->server.public_url;
    const char *host = http_req_header(rq->q, "Host");

    if (configured)
        return configured;
    return arena_printf(&rq->a, "%s://%s", rq->q->tls ? "https" : "http", host ? host : "");
}

static void later(struct rq *rq, int64_t after_ns)
{
    char seconds[24];

    snprintf(seconds, sizeof seconds, "%" PRId64, (int64_t)((after_ns + NS_PER_S - 1) / NS_PER_S));
    reg_error_with(rq, REG_TOO_MANY_REQUESTS, NULL, "Retry-After", seconds);
}

static void refuse(struct rq *rq)
{
    const struct authz_answer *w = &rq->who;

    switch (w->decision) {
    case AUTHZ_ALLOW:
        break;
    case AUTHZ_CHALLENGE:
        reg_error_with(rq, REG_UNAUTHORIZED, NULL, "WWW-Authenticate", w->challenge);
        break;
    case AUTHZ_DENY:
        reg_error(rq, REG_DENIED, rq->route.name);
        break;
    case AUTHZ_HIDE:
        reg_error(rq, hidden_codes[rq->route.id],
                  rq->route.id == ROUTE_MANIFEST || rq->route.id == ROUTE_BLOB ? rq->route.ref
                                                                               : rq->route.name);
        break;
    case AUTHZ_LATER:
        later(rq, w->retry_after_ns);
        break;
    }
}

/* The source of a mount, when one is asked for. */
static const char *mount_source(struct rq *rq)
{
    const char *from =
        rq->route.id == ROUTE_UPLOADS && rq_query(rq, "mount") ? rq_query(rq, "from") : NULL;

    return from && ref_path_valid(from) ? from : NULL;
}

bool access_is_slow(const struct rq *rq)
{
    return rq->live->conf->auth.type != REGCONF_AUTH_NONE &&
           http_req_header(rq->q, "Authorization");
}

bool access_is_stranger(const struct http_req *q)
{
    return q->client == HTTP_CLIENT_WRONG || (q->client == HTTP_CLIENT_NONE && q->client_needed);
}

void access_refuse_stranger(struct rq *rq)
{
    rq->refused = true;
    reg_error(rq, REG_DENIED,
              rq->q->client == HTTP_CLIENT_WRONG
                  ? "the client certificate is not good here: another authority, not its time, not "
                    "for clients, or without a name"
                  : "a client certificate is needed here");
}

bool access_allows(struct rq *rq, bool ping, enum policy_action action)
{
    struct authz_request x = {
        .authorization = http_req_header(rq->q, "Authorization"),
        .client = rq->q->client_name,
        .peer = rq->peer,
        .base_url = rq_base_url(rq),
        .ping = ping,
        .action = action,
        .repository = rq->route.name,
        .mount_from = mount_source(rq),
    };

    if (!x.base_url || authz_check(rq->live->authz, &x, &rq->a, &rq->who, &rq->e) < 0) {
        reg_fail(rq);
        return false;
    }
    if (rq->who.failed)
        metrics_count(rq->r->metrics, METRICS_AUTH_FAILURES, 1);
    if (rq->who.decision == AUTHZ_ALLOW)
        return true;
    http_delay(rq->q, rq->who.delay_ns);
    refuse(rq);
    return false;
}

bool access_may_mount(const struct rq *rq)
{
    /* Without a source the blob may come from anywhere: only where everything is everybody's. */
    return rq->who.may_mount || rq->live->conf->policy.open;
}

/* ---- the token service ---- */

static void answer_token(struct rq *rq, const struct authz_token_answer *t)
{
    struct http_response *p = http_response_copy(t->body, strlen(t->body));

    rq->who.user = t->user;
    if (t->failed)
        metrics_count(rq->r->metrics, METRICS_AUTH_FAILURES, 1);
    http_response_header(p, "Content-Type", "application/json");
    http_response_header(p, "Cache-Control", "no-store");
    http_response_header(p, "X-Content-Type-Options", "nosniff");
    if (t->challenge)
        http_response_header(p, "WWW-Authenticate", t->challenge);
    if (t->retry_after_ns > 0)
        reg_headerf(p, "Retry-After", "%" PRId64,
                    (int64_t)((t->retry_after_ns + NS_PER_S - 1) / NS_PER_S));
    http_delay(rq->q, t->delay_ns);
    http_respond(rq->q, (unsigned)t->status, p);
}

static void token(struct http_req *q)
{
    struct rq *rq = rq_of(q);
    const char *query = q->target + q->path_bytes;
    struct authz_token_request x = {
        .post = q->method == HTTP_POST,
        .authorization = http_req_header(q, "Authorization"),
        .peer = rq->peer,
    };
    struct authz_token_answer t;

    if (q->body_over) {
        reg_error(rq, REG_SIZE_INVALID, "a form of more than 64 KiB");
        return;
    }
    x.form = x.post ? (struct str){buf_str(&q->body), q->body.n}
                    : str_of(*query == '?' ? query + 1 : "");
    if (authz_token(rq->live->authz, &x, &rq->a, &t, &rq->e) < 0)
        reg_fail(rq);
    else
        answer_token(rq, &t);
    if (q->body.n > 0) /* there may be a password in it */
        explicit_bzero(q->body.p, q->body.n);
}

void token_head(struct rq *rq)
{
    if (!authz_has_tokens(rq->live->authz))
        reg_error(rq, REG_NOT_FOUND, NULL);
    else if (rq->q->method == HTTP_POST)
        http_collect(rq->q, MAX_FORM_BYTES, token);
    else
        http_defer(rq->q, token);
}

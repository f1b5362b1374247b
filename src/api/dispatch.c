/* SPDX-License-Identifier: Apache-2.0 */
/* A request's way to its handler. */
#include <shale/shale.h>

#include "api/body.h"
#include "api/daemon.h"
#include "api/errors.h"
#include "api/query.h"
#include "api/reply.h"
#include "api/route.h"
#include "base/cleanup.h"
#include "base/str.h"

#define ARENA_BYTES (64u << 20) /* of one request */

static void cancel(void *arg)
{
    shale_cancel(arg);
}

/* The request gets a handle of its own, which ends what is being done when the client goes. */
static int open_own(struct api_req *q, struct shale_err *e)
{
    struct shale *own = NULL;
    int r = shale_open_shared(q->d->s, &q->set->open, &own, e);

    if (r < 0)
        return r;
    q->s = own;
    wire_on_gone(q->w, cancel, own);
    return 0;
}

static int call(struct api_req *q, const struct api_route *route, struct shale_err *e)
{
    int r = 0;

    if (route->flags & (API_BODY_JSON | API_BODY_JSON_MUST))
        r = api_body_json(q, route->flags & API_BODY_JSON_MUST, &q->body, e);
    if (r >= 0 && (route->flags & API_LONG))
        r = open_own(q, e);
    if (r >= 0)
        r = route->handler(q, e);
    if (r >= 0 && !wire_answered(q->w))
        r = api_reply_empty(q, 200);
    return r;
}

static int bad_path(struct api_req *q, enum api_found found, const char *version,
                    struct shale_err *e)
{
    switch (found) {
    case API_BAD_PATH:
        return api_fail(q, 400, e, "the path of the request cannot be decoded");
    case API_TOO_OLD:
        return api_fail(q, 400, e,
                        "client version %s is too old. Minimum supported API version is %d.%d, "
                        "please upgrade your client to a newer version",
                        version, API_VERSION_MIN / 100, API_VERSION_MIN % 100);
    case API_TOO_NEW:
        return api_fail(q, 400, e,
                        "client version %s is too new. Maximum supported API version is %d.%d",
                        version, API_VERSION_MAX / 100, API_VERSION_MAX % 100);
    case API_NO_MEMORY:
        return err_nomem(e);
    case API_FOUND:
    case API_NO_PAGE:
        break;
    }
    return api_fail(q, 404, e, "page not found");
}

/* An address, a name without dots or this machine's own: what nobody elsewhere can turn to another
 * address. */
static bool is_own_name(const char *host)
{
    char own[256] = "";

    if (host[0] == '[')
        return true;
    struct str name = {host, strcspn(host, ":")};
    (void)gethostname(own, sizeof own - 1);
    return !memchr(name.p, '.', name.n) || strspn(host, "0123456789.") >= name.n ||
           str_eq(name, str_of(own));
}

/* Does Origin name the very host that is asked? Clients of WebSockets that are no browser say so.
 */
static bool is_own_page(const char *origin, const char *host)
{
    const char *there = strstr(origin, "://");

    return there && host && strcasecmp(there + 3, host) == 0 && is_own_name(host);
}

/* Without TLS, pages of other sites can send requests to this machine from a browser here. They
 * name themselves; and where a page's own name was turned to an address of ours, it stands in Host,
 * and in Origin where that is sent.
 */
static bool is_web_page(const struct wire_req *w)
{
    const char *host = wire_head_get(w->head, "Host"), *origin = wire_head_get(w->head, "Origin");

    if (streq(w->peer, "unix") || w->tls)
        return false;
    if (origin && !is_own_page(origin, host))
        return true;
    return host && (str_has_prefix(w->peer, "127.") || w->peer[0] == '[') && !is_own_name(host);
}

static int run(struct api_req *q, struct shale_err *e)
{
    const struct wire_head *h = q->w->head;
    struct api_match m = {0};
    char version[16];
    if (is_web_page(q->w))
        return api_fail(q, 403, e, "requests of web pages are refused");
    enum api_found found = api_route_find(
        api_routes, h->method, (struct str){h->target, h->path_bytes}, q->arena, &m, version);

    if (found != API_FOUND)
        return bad_path(q, found, version, e);
    q->version = m.version;
    for (size_t i = 0; i < API_MAX_ARGS; i++)
        q->args[i] = m.args[i];
    int r = 0;
    if (h->target[h->path_bytes] == '?')
        r = api_query_parse(str_of(h->target + h->path_bytes + 1), q->arena, &q->query, &q->n_query,
                            e);
    return r < 0 ? r : call(q, m.route, e);
}

void api_handle(void *arg, struct wire_req *w)
{
    struct api_daemon *d = arg;
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct api_reply reply;
    struct api_settings *set = api_daemon_settings(d);
    struct api_req q = {
        .s = d->s, .arena = &a, .d = d, .w = w, .method = w->head->method, .set = set};
    struct shale_err e = SHALE_ERR_INIT;

    api_reply_init(&q, &reply);
    int r = run(&q, &e);
    if (r < 0)
        api_reply_error(&q, r, &e);
    wire_on_gone(w, NULL, NULL);
    if (q.s != d->s)
        shale_close(q.s);
    json_decref(q.body);
    api_reply_clear(&q);
    api_settings_unref(set);
}

/* What is wrong with a head is told before there is a request. */
const char *api_refusal(int status, char *ret, size_t n)
{
    const char *message = status == 431   ? "the head of the request is too large"
                          : status == 505 ? "this server speaks HTTP/1.1"
                          : status == 501 ? "this transfer coding is not supported"
                                          : "this is no HTTP request";

    snprintf(ret, n, "{\"message\":\"%s\"}\n", message);
    return "application/json";
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "http/exchange.h"
#include "http/proxy.h"

/* ---- the client: a stack of lanes that are free ---- */

int http_open(const struct http_opts *o, struct http_client **ret, struct shale_err *e)
{
    struct http_client *c = mem_alloc(sizeof *c);

    if (!c)
        return err_nomem(e);
    pthread_mutex_init(&c->mutex, NULL);
    c->connect_timeout_ms =
        (long)((o->connect_timeout_ns ? o->connect_timeout_ns : 30 * NS_PER_S) / NS_PER_MS);
    c->stall_timeout_s =
        (long)((o->stall_timeout_ns ? o->stall_timeout_ns : 60 * NS_PER_S) / NS_PER_S);
    if (c->stall_timeout_s < 1)
        c->stall_timeout_s = 1;
    c->user_agent = mem_strdup(o->user_agent ? o->user_agent : "shale");
    if (!c->user_agent) {
        http_close(c);
        return err_nomem(e);
    }
    *ret = c;
    return 0;
}

static void lane_free(const struct curl_api *api, struct lane *l)
{
    if (l->easy)
        api->easy_cleanup(l->easy);
    if (l->multi)
        api->multi_cleanup(l->multi);
    free(l);
}

struct http_client *http_close(struct http_client *c)
{
    if (!c)
        return NULL;
    while (c->free_lanes) {
        struct lane *l = c->free_lanes;
        c->free_lanes = l->next;
        lane_free(c->api, l);
    }
    pthread_mutex_destroy(&c->mutex);
    free(c->user_agent);
    free(c);
    return NULL;
}

static int lane_take(struct http_client *c, struct lane **ret, struct shale_err *e)
{
    struct lane *l;
    int r = 0;

    pthread_mutex_lock(&c->mutex);
    if (!c->api)
        r = curl_api_get(&c->api, e);
    l = c->free_lanes;
    if (l)
        c->free_lanes = l->next;
    pthread_mutex_unlock(&c->mutex);
    if (r < 0 || l) {
        *ret = l;
        return r;
    }
    l = mem_alloc(sizeof *l);
    if (!l)
        return err_nomem(e);
    l->easy = c->api->easy_init();
    l->multi = c->api->multi_init();
    if (!l->easy || !l->multi) {
        lane_free(c->api, l);
        return err_nomem(e);
    }
    *ret = l;
    return 0;
}

static void lane_put(struct http_client *c, struct lane *l)
{
    pthread_mutex_lock(&c->mutex);
    l->next = c->free_lanes;
    c->free_lanes = l;
    pthread_mutex_unlock(&c->mutex);
}

/* ---- redirects ---- */

struct place { /* what decides whether credentials may go along */
    const char *scheme, *host, *port;
};

/* *rc is CURLUE_OK before, and tells why the first part was not there that is not. */
static const char *part(const struct curl_api *api, CURLU *u, CURLUPart what, unsigned flags,
                        struct arena *a, CURLUcode *rc)
{
    char *s = NULL;
    CURLUcode k = api->url_get(u, what, &s, flags);

    if (*rc == CURLUE_OK)
        *rc = k;
    if (k != CURLUE_OK || !s)
        return NULL;
    const char *copy = arena_strdup(a, s);
    api->free(s);
    return copy;
}

/* `to` (absolute, or relative to `from`) as an absolute URL and its place. */
static int locate(const struct curl_api *api, const char *from, const char *to, struct arena *a,
                  const char **ret_url, struct place *ret, struct shale_err *e)
{
    CURLU *u = api->url();
    int r = 0;

    if (!u)
        return err_nomem(e);
    CURLUcode rc = api->url_set(u, CURLUPART_URL, from, 0);
    if (rc == CURLUE_OK && to)
        rc = api->url_set(u, CURLUPART_URL, to, 0);
    if (rc == CURLUE_OK) {
        *ret_url = part(api, u, CURLUPART_URL, 0, a, &rc);
        ret->scheme = part(api, u, CURLUPART_SCHEME, 0, a, &rc);
        ret->host = part(api, u, CURLUPART_HOST, 0, a, &rc);
        ret->port = part(api, u, CURLUPART_PORT, CURLU_DEFAULT_PORT, a, &rc);
    }
    if (rc == CURLUE_OUT_OF_MEMORY || a->failed == SHALE_NO_MEMORY)
        r = err_nomem(e);
    else if (rc != CURLUE_OK || !*ret_url || !ret->scheme || !ret->host || !ret->port)
        r = err_set(e, SHALE_INVALID, "not a URL: %.200s", to ? to : from);
    api->url_cleanup(u);
    if (r == 0 && !str_ieq(ret->scheme, "http") && !str_ieq(ret->scheme, "https"))
        r = err_set(e, SHALE_INVALID, "unsupported protocol scheme \"%.20s\"", ret->scheme);
    return r;
}

static bool same_place(const struct place *a, const struct place *b)
{
    return str_ieq(a->scheme, b->scheme) && str_ieq(a->host, b->host) && streq(a->port, b->port);
}

static int follow(struct http_client *c, struct exchange *x, struct place *at, struct arena *a,
                  struct shale_err *e)
{
    const char *to = http_header_get(&x->response, "Location");
    struct place next;
    const char *url;
    int r = locate(c->api, x->url, to, a, &url, &next, e);

    if (r < 0)
        return err_wrap(e, r, "%s: bad redirect", x->url);
    if (str_ieq(at->scheme, "https") && str_ieq(next.scheme, "http"))
        return err_set(e, SHALE_DENIED, "%s redirects from https to http", x->url);
    if (!same_place(at, &next)) { /* for good: a chain that comes back does not get them back */
        x->authorization = NULL;
        x->elsewhere = true;
    }
    *at = next;
    x->proxy = http_proxy_for(next.scheme, next.host, next.port);
    x->url = url;
    return 0;
}

static int run(struct http_client *c, struct lane *l, const struct http_request *rq,
               struct arena *a, struct http_response *ret, struct shale_err *e)
{
    struct exchange x = {
        .rq = rq, .a = a, .url = rq->url, .authorization = rq->authorization, .tls = rq->tls};
    struct place at;
    int r = locate(c->api, rq->url, NULL, a, &x.url, &at, e);

    if (r < 0)
        return r;
    x.proxy = http_proxy_for(at.scheme, at.host, at.port);
    for (int hops = 0;; hops++) {
        r = exchange_run(c, l, &x, e);
        if (r < 0)
            return r;
        if (!x.redirected)
            break;
        if (hops == HTTP_MAX_REDIRECTS)
            return err_set(e, SHALE_LIMIT, "%s \"%s\": stopped after %d redirects", x.verb, rq->url,
                           HTTP_MAX_REDIRECTS);
        r = follow(c, &x, &at, a, e);
        if (r < 0)
            return r;
    }
    *ret = x.response;
    return 0;
}

int http_resolve(const char *base, const char *ref, struct arena *a, const char **ret_url,
                 bool *ret_same, struct shale_err *e)
{
    const struct curl_api *api;
    struct place from, to;
    const char *url;
    int r = curl_api_get(&api, e);

    if (r >= 0)
        r = locate(api, base, NULL, a, &url, &from, e);
    if (r >= 0)
        r = locate(api, base, ref, a, &url, &to, e);
    if (r < 0)
        return r;
    *ret_url = url;
    *ret_same = same_place(&from, &to);
    return 0;
}

int http_do(struct http_client *c, const struct http_request *rq, struct arena *a,
            struct http_response *ret, struct shale_err *e)
{
    struct lane *l = NULL;
    int r = cancel_check(rq->cancel, e);

    if (rq->failure)
        *rq->failure = HTTP_FAIL_NONE;
    if (strlen(rq->url) > HTTP_MAX_URL_BYTES)
        return err_set(e, SHALE_LIMIT, "URL of more than %d bytes", HTTP_MAX_URL_BYTES);
    if (r >= 0)
        r = lane_take(c, &l, e);
    if (r < 0)
        return r;
    r = run(c, l, rq, a, ret, e);
    lane_put(c, l);
    return r;
}

/* ---- small ones ---- */

const char *http_header_get(const struct http_response *p, const char *name)
{
    for (size_t i = 0; i < p->n_headers; i++)
        if (str_ieq(p->headers[i].name, name))
            return p->headers[i].value;
    return NULL;
}

char *http_escape(const char *s, struct arena *a)
{
    static const char hex[] = "0123456789ABCDEF";
    char *p = arena_alloc(a, 3 * strlen(s) + 1), *q = p;

    for (; p && *s; s++) {
        unsigned char ch = (unsigned char)*s;
        if (isalnum(ch) || strchr("-._~", ch)) {
            *q++ = (char)ch;
        } else {
            *q++ = '%';
            *q++ = hex[ch >> 4];
            *q++ = hex[ch & 15];
        }
    }
    return p;
}

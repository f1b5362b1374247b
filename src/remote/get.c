/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/get.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "remote/remote_priv.h"

struct getting {
    const char *url;
    int (*data)(void *arg, const void *p, size_t n, struct shale_err *e);
    void *arg;
};

static int on_head(void *arg, const struct http_response *p, struct shale_err *e)
{
    const struct getting *g = arg;

    if (p->status == 200)
        return 0;
    return err_set(e, p->status == 404 ? SHALE_NOT_FOUND : SHALE_NETWORK,
                   "failed to GET %s with status %d", g->url, p->status);
}

static int on_body(void *arg, const void *p, size_t n, struct shale_err *e)
{
    const struct getting *g = arg;

    return g->data(g->arg, p, n, e);
}

bool remote_is_url(const char *s)
{
    return str_has_prefix(s, "http://") || str_has_prefix(s, "https://");
}

int remote_get(struct remote_client *c, const char *url,
               int (*data)(void *arg, const void *p, size_t n, struct shale_err *e), void *arg,
               struct cancel *cancel, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4u << 20);
    struct getting g = {url, data, arg};
    struct http_request rq = {
        .method = "GET",
        .url = url,
        .on_head = on_head,
        .on_body = on_body,
        .arg = &g,
        .cancel = cancel,
    };
    struct http_response p;

    return http_do(c->http, &rq, &a, &p, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/search.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/limits.h"
#include "remote/remote_priv.h"

#define HUB_PREFIX "library/" /* Docker Hub knows its official images without it */

static bool is_hub(const char *domain)
{
    return streq(domain, "docker.io") || streq(domain, REMOTE_SEARCH_HUB);
}

/* As in references: what stands before the first slash is a registry if it has a dot or a colon. */
int remote_search_split(const char *term, struct arena *a, const char **ret_domain,
                        const char **ret_term, struct shale_err *e)
{
    const char *slash = strchr(term, '/');

    if (strstr(term, "://"))
        return err_set(e, SHALE_INVALID,
                       "invalid repository name: repository name (%s) should not have a scheme",
                       term);
    char *domain = slash ? arena_strndup(a, term, (size_t)(slash - term)) : NULL;
    if (slash && !domain)
        return err_nomem(e);
    if (domain && (strpbrk(domain, ".:") || streq(domain, "localhost"))) {
        *ret_domain = is_hub(domain) ? REMOTE_SEARCH_HUB : domain;
        *ret_term = slash + 1;
    } else {
        *ret_domain = REMOTE_SEARCH_HUB;
        *ret_term = term;
    }
    if (is_hub(*ret_domain) && str_has_prefix(*ret_term, HUB_PREFIX))
        *ret_term += strlen(HUB_PREFIX);
    return 0;
}

/* In words that speak of searching. */
static int explain(const struct remote_host *h, const char *root, const struct shale_err *why,
                   struct shale_err *e)
{
    switch (why->code) {
    case SHALE_NOT_FOUND:
        return err_set(e, SHALE_UNSUPPORTED,
                       "%s cannot be searched: it does not know /%ssearch (%s)", h->domain, root,
                       streq(root, "v1/") ? "registries of shale and Docker Hub do"
                                          : "registries of shale do");
    case SHALE_DENIED:
        return err_set(e, SHALE_DENIED, "searching %s is denied: you may not search there",
                       h->domain);
    default:
        return err_set(e, why->code, "%s", why->msg);
    }
}

int remote_search(struct remote_client *c, const char *domain, const char *root, const char *path,
                  struct arena *a, json_t **ret, struct cancel *cancel, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_HTTP_BODY_BYTES);
    struct shale_err why = SHALE_ERR_INIT;
    struct http_response p;
    struct remote_host *h;
    struct call call = {
        .method = "GET",
        .path = path,
        .root = root,
        .scope = "registry:catalog:search",
        .cancel = cancel,
        .collect = &b,
        .what = "search",
        .name = domain,
        .repo = domain,
    };
    int r = host_get(c, domain, &h, e);

    if (r < 0)
        return r;
    r = call_run(c, h, &call, a, &p, NULL, &why);
    if (r < 0)
        return explain(h, root, &why, e);
    r = json_parse(buf_str(&b), b.n, LIMIT_HTTP_BODY_BYTES, ret, &why);
    if (r < 0)
        return err_set(e, SHALE_UNSUPPORTED, "%s does not answer a search as a registry does: %s",
                       h->domain, why.msg);
    return 0;
}

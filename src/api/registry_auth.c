/* SPDX-License-Identifier: Apache-2.0 */
#include "api/registry_auth.h"

#include <shale/login.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/ref.h"

#define HUB_KEY "https://index.docker.io/v1/" /* what credentials of Docker Hub are known by */

static int use(struct api_req *q, const json_t *auths, struct shale_err *e)
{
    _cleanup_free_ char *text = json_text(auths);
    return text ? shale_use_auths(q->s, text, e) : err_nomem(e);
}

static int use_header(struct api_req *q, const char *domain, struct shale_err *e)
{
    _cleanup_json_ json_t *auth = NULL, *auths = json_object();
    bool hub = streq(domain, "docker.io") || streq(domain, "index.docker.io");
    int r = api_header_json(q, "X-Registry-Auth", &auth, e);
    if (r < 0)
        return r;
    if (!auths || (auth && json_object_set(auths, hub ? HUB_KEY : domain, auth) < 0))
        return err_nomem(e);
    return use(q, auths, e);
}

int api_use_registry_auth(struct api_req *q, const char *ref, struct shale_err *e)
{
    struct ref parsed;
    int r = ref_parse(ref, q->arena, &parsed, e);
    return r < 0 ? r : use_header(q, parsed.domain, e);
}

int api_use_search_auth(struct api_req *q, const char *term, struct shale_err *e)
{
    const char *host = arena_strndup(q->arena, term, strcspn(term, "/"));
    if (!host)
        return err_nomem(e);
    bool named = strchr(term, '/') && (strpbrk(host, ".:") || streq(host, "localhost"));
    return use_header(q, named ? host : "docker.io", e);
}

int api_use_registry_config(struct api_req *q, struct shale_err *e)
{
    _cleanup_json_ json_t *auths = NULL;
    int r = api_header_json(q, "X-Registry-Config", &auths, e);
    if (r >= 0 && !auths && !(auths = json_object()))
        r = err_nomem(e);
    return r < 0 ? r : use(q, auths, e);
}

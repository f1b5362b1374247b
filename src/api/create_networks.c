/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of a container that is made, and what is said of each. */
#include "api/bodies.h"
#include "api/create_lists.h"
#include "api/known.h"
#include "api/pairs.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "model/namespace_mode.h"

/* ---- one of them ---- */

struct endpoint_body {
    struct strv aliases, links;
    const char *mac, *address, *address6;
    const json_t *ipam, *options;
};
#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct endpoint_body, field), 0                                       \
    }
static const struct json_field endpoint_fields[] = {
    F("Aliases", JB_STRV, aliases),      F("Links", JB_STRV, links),
    F("MacAddress", JB_STR, mac),        F("IPAMConfig", JB_OBJECT, ipam),
    F("DriverOpts", JB_OBJECT, options),
};
static const struct json_field ipam_fields[] = {F("IPv4Address", JB_STR, address),
                                                F("IPv6Address", JB_STR, address6)};
#undef F

int body_endpoint(struct api_req *q, const json_t *one, struct shale_endpoint_opts *ret,
                  struct shale_err *e)
{
    struct endpoint_body b = {.mac = "", .address = "", .address6 = ""};
    int r = api_bind(q, one, endpoint_fields, ARRAY_SIZE(endpoint_fields), &b, e);

    if (r >= 0)
        r = api_known_types(q, one, API_KNOWN_ENDPOINT, e);
    if (r >= 0)
        r = api_bind(q, b.ipam, ipam_fields, ARRAY_SIZE(ipam_fields), &b, e);
    if (r >= 0)
        r = api_known_types(q, b.ipam, API_KNOWN_ENDPOINT_IPAM, e);
    if (r < 0)
        return r;
    if (json_object_size(b.options))
        return err_set(e, SHALE_UNSUPPORTED, "EndpointsConfig.DriverOpts is not supported yet");
    *ret = (struct shale_endpoint_opts){.address = api_text(b.address),
                                        .aliases =
                                            b.aliases.n ? (const char *const *)b.aliases.v : NULL,
                                        .address6 = api_text(b.address6),
                                        .mac = api_text(b.mac),
                                        .links = b.links.n ? (const char *const *)b.links.v : NULL};
    return 0;
}

static int take_endpoint(struct api_req *q, const char *network, const json_t *one,
                         struct shale_endpoint_opts *ret, struct shale_err *e)
{
    if (one && !json_is_null(one) && !json_is_object(one))
        return err_set(e, SHALE_INVALID, "invalid JSON: EndpointsConfig: an object is expected");
    int r = body_endpoint(q, json_is_object(one) ? one : NULL, ret, e);
    ret->network = network;
    return r;
}

/* ---- all of them ---- */

static bool is_private(const char *mode)
{
    return streq(mode, "none") || streq(mode, "host") || ns_mode_joined(mode);
}

static bool is_default(const char *mode)
{
    return !*mode || streq(mode, "default") || streq(mode, "bridge");
}

/* What is said of the default network under its other name. */
static const json_t *endpoint_of(const json_t *all, const char *mode)
{
    const json_t *v = json_object_get(all, mode);

    return v || !is_default(mode)            ? v
           : json_object_get(all, "default") ? json_object_get(all, "default")
                                             : json_object_get(all, "bridge");
}

/* Of a mode that is no network its address alone counts: it makes no sense, which is said. */
static int take_private(struct api_req *q, const char *mode, const json_t *one,
                        struct shale_create_opts *o, struct shale_err *e)
{
    struct shale_endpoint_opts *v = arena_array(q->arena, 2, sizeof *v);
    struct shale_endpoint_opts said;
    int r = v ? take_endpoint(q, mode, one, &said, e) : err_nomem(e);

    if (r < 0)
        return r;
    v[0] = (struct shale_endpoint_opts){.network = mode, .mac = said.mac};
    o->networks = v;
    o->n_networks = 1;
    return 0;
}

int body_networks(struct api_req *q, const char *mode, const json_t *networking,
                  struct shale_create_opts *o, struct shale_err *e)
{
    const json_t *all = networking ? api_member(networking, "EndpointsConfig") : NULL;
    const json_t *own;
    const char *name;
    json_t *one;
    size_t n = 0;

    mode = mode ? mode : "";
    if (all && !json_is_object(all))
        return err_set(e, SHALE_INVALID, "invalid JSON: EndpointsConfig: an object is expected");
    struct shale_endpoint_opts *v = arena_array(q->arena, json_object_size(all) + 2, sizeof *v);
    if (!v)
        return err_nomem(e);
    if (is_private(mode))
        return take_private(q, mode, json_object_get(all, mode), o, e);
    own = endpoint_of(all, mode);
    int r = 0;
    if (own || !is_default(mode) || json_object_size(all) == 0)
        r = take_endpoint(q,
                          !is_default(mode)           ? mode
                          : json_object_size(all) > 1 ? "bridge"
                                                      : "default",
                          own, &v[n++], e);
    json_object_foreach((json_t *)(uintptr_t)all, name, one)
    {
        if (r < 0 || one == own)
            continue;
        r = take_endpoint(q, arena_strdup(q->arena, name), one, &v[n++], e);
        if (r >= 0 && !v[n - 1].network)
            r = err_nomem(e);
    }
    o->networks = v;
    o->n_networks = n;
    return r;
}

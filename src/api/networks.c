/* SPDX-License-Identifier: Apache-2.0 */
/* /networks */
#include <shale/network.h>

#include "api/bodies.h"
#include "api/known.h"
#include "api/pairs.h"
#include "base/str.h"
#include "view/doc.h"
#include "view/networks.h"

static int one_of(const void *item, json_t **ret, struct shale_err *e)
{
    return doc_network(item, ret, e);
}

static int list(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_network_list *l = NULL;
    struct shale_network_ls_opts o = {.size = sizeof o};
    json_t *all = NULL;
    int r = api_query_filters(q, &o.filters, e);
    if (r >= 0)
        r = shale_network_ls(q->s, &o, &l, e);
    if (r >= 0)
        r = doc_list(l->items, l->n_items, sizeof *l->items, one_of, &all, e);
    return r < 0 ? r : api_reply_json(q, 200, all);
}

static int inspect(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_network *n = NULL;
    json_t *doc = NULL;
    int r = shale_network_inspect(q->s, q->args[0], &n, e);
    if (r >= 0)
        r = doc_network(n, &doc, e);
    return r < 0 ? r : api_reply_json(q, 200, doc);
}

/* ---- create ---- */

struct create_body {
    char *name, *driver, *scope;
    bool internal, attachable, ingress, ipv6, config_only;
    const json_t *ipam;
    struct strmap options, labels;
};
#define O(field) offsetof(struct create_body, field)
static const struct json_field create_fields[] = {
    {"Name", JB_STR, O(name), JB_REQUIRED},
    {"Driver", JB_STR, O(driver), 0},
    {"Scope", JB_STR, O(scope), 0},
    {"Internal", JB_BOOL, O(internal), 0},
    {"Attachable", JB_BOOL, O(attachable), 0},
    {"Ingress", JB_BOOL, O(ingress), 0},
    {"EnableIPv6", JB_BOOL, O(ipv6), 0},
    {"ConfigOnly", JB_BOOL, O(config_only), 0},
    {"IPAM", JB_OBJECT, O(ipam), 0},
    {"Options", JB_STRMAP, O(options), 0},
    {"Labels", JB_STRMAP, O(labels), 0},
};
#undef O

struct ipam_body {
    const json_t *config;
};
static const struct json_field ipam_fields[] = {
    {"Config", JB_ARRAY, offsetof(struct ipam_body, config), 0},
};

struct pool_body {
    char *subnet, *range, *gateway;
    struct strmap aux;
};
#define O(field) offsetof(struct pool_body, field)
static const struct json_field pool_fields[] = {
    {"Subnet", JB_STR, O(subnet), 0},
    {"IPRange", JB_STR, O(range), 0},
    {"Gateway", JB_STR, O(gateway), 0},
    {"AuxiliaryAddresses", JB_STRMAP, O(aux), 0},
};
#undef O

/* A subnet; of each kind one. */
static int take_pool(struct api_req *q, const json_t *one, bool seen[2],
                     struct shale_network_create_opts *o, struct shale_err *e)
{
    struct pool_body p = {0};
    int r = api_bind(q, one, pool_fields, ARRAY_SIZE(pool_fields), &p, e);
    if (r < 0)
        return r;
    bool v6 = p.subnet && strchr(p.subnet, ':');
    if (seen[v6])
        return err_set(e, SHALE_UNSUPPORTED, "a network has one subnet of a kind here");
    seen[v6] = true;
    if (v6 && (api_text(p.range) || p.aux.n))
        return err_set(e, SHALE_UNSUPPORTED, "IPAM.Config: %s of IPv6 is not supported yet",
                       p.aux.n ? "AuxiliaryAddresses" : "IPRange");
    if (v6) {
        o->subnet6 = p.subnet;
        o->gateway6 = api_text(p.gateway);
        return 0;
    }
    o->subnet = api_text(p.subnet);
    o->ip_range = api_text(p.range);
    o->gateway = api_text(p.gateway);
    return api_pairs(q, &p.aux, &o->aux, e);
}

/* What of IPAM a network can have here: a subnet of IPv4, and one of IPv6. */
static int bind_ipam(struct api_req *q, const json_t *ipam, struct shale_network_create_opts *o,
                     struct shale_err *e)
{
    struct ipam_body i = {0};
    bool seen[2] = {false, false};
    const json_t *one;
    size_t at;
    int r = api_bind(q, ipam, ipam_fields, ARRAY_SIZE(ipam_fields), &i, e);
    if (r >= 0)
        r = api_known_types(q, ipam, API_KNOWN_NETWORK_IPAM, e);
    json_array_foreach(i.config, at, one) r = r < 0 ? r : take_pool(q, one, seen, o, e);
    return r;
}

int body_network(struct api_req *q, const json_t *body, struct shale_network_create_opts *ret,
                 struct shale_err *e)
{
    struct create_body b = {0};
    int r = api_bind(q, body, create_fields, ARRAY_SIZE(create_fields), &b, e);
    if (r >= 0)
        r = api_known_types(q, body, API_KNOWN_NETWORK, e);
    if (r < 0)
        return r;
    if (b.ingress || b.config_only || (api_text(b.scope) && !streq(b.scope, "local")))
        return err_set(e, SHALE_UNSUPPORTED, "networks of a swarm are not supported");
    *ret = (struct shale_network_create_opts){
        .size = sizeof *ret,
        .name = b.name,
        .driver = api_text(b.driver),
        .internal = b.internal,
        .attachable = b.attachable,
        .ipv6 = b.ipv6,
    };
    r = bind_ipam(q, b.ipam, ret, e);
    if (r >= 0)
        r = api_pairs(q, &b.labels, &ret->labels, e);
    return r < 0 ? r : api_pairs(q, &b.options, &ret->options, e);
}

static int create(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_network *n = NULL;
    struct shale_network_create_opts o;
    int r = body_network(q, q->body, &o, e);
    if (r >= 0)
        r = shale_network_create(q->s, &o, &n, e);
    if (r < 0)
        return r;
    return api_reply_json(q, 201, json_pack("{s:s, s:s}", "Id", n->id, "Warning", ""));
}

/* ---- connect ---- */

struct connect_body {
    char *container;
    const json_t *config;
};
static const struct json_field connect_fields[] = {
    {"Container", JB_STR, offsetof(struct connect_body, container), JB_REQUIRED},
    {"EndpointConfig", JB_OBJECT, offsetof(struct connect_body, config), 0},
};

int body_connect(struct api_req *q, const json_t *body, const char **ret_container,
                 struct shale_network_connect_opts *ret, struct shale_err *e)
{
    struct connect_body b = {0};
    struct shale_endpoint_opts p = {.network = NULL};
    int r = api_bind(q, body, connect_fields, ARRAY_SIZE(connect_fields), &b, e);
    if (r >= 0)
        r = body_endpoint(q, b.config, &p, e);
    *ret_container = b.container;
    *ret = (struct shale_network_connect_opts){
        .size = sizeof *ret,
        .aliases = p.aliases,
        .address = p.address,
        .address6 = p.address6,
        .mac = p.mac,
        .links = p.links,
    };
    return r;
}

static int connect_to(struct api_req *q, struct shale_err *e)
{
    struct shale_network_connect_opts o;
    const char *container;
    int r = body_connect(q, q->body, &container, &o, e);
    if (r >= 0)
        r = shale_network_connect(q->s, q->args[0], container, &o, e);
    return r < 0 ? r : api_reply_empty(q, 200);
}

/* Whether by force makes no difference: it goes in any state. */
static int disconnect(struct api_req *q, struct shale_err *e)
{
    struct disconnect_body {
        char *container;
        bool force;
    } b = {0};
    static const struct json_field fields[] = {
        {"Container", JB_STR, offsetof(struct disconnect_body, container), JB_REQUIRED},
        {"Force", JB_BOOL, offsetof(struct disconnect_body, force), 0},
    };
    int r = api_bind(q, q->body, fields, ARRAY_SIZE(fields), &b, e);
    if (r >= 0)
        r = shale_network_disconnect(q->s, q->args[0], b.container, e);
    return r < 0 ? r : api_reply_empty(q, 200);
}

/* ---- remove ---- */

static int remove_one(struct api_req *q, struct shale_err *e)
{
    int r = shale_network_rm(q->s, q->args[0], e);
    /* One of the three, or containers are on it. */
    if (r == -SHALE_IN_USE || r == -SHALE_INVALID)
        api_fail_as(q, 403);
    return r < 0 ? r : api_reply_empty(q, 204);
}

static int prune(struct api_req *q, struct shale_err *e)
{
    _cleanup_result_ struct shale_network_pruned *p = NULL;
    struct shale_network_prune_opts o = {.size = sizeof o};
    int r = api_query_filters(q, &o.filters, e);
    if (r >= 0)
        r = shale_network_prune(q->s, &o, &p, e);
    if (r < 0)
        return r;
    json_t *names = p->n_names ? doc_strings(p->names, p->n_names) : json_null();
    return api_reply_json(q, 200, json_pack("{s:o}", "NetworksDeleted", names));
}

const struct api_route api_routes_networks[] = {
    {"GET", "/networks", 0, API_BODY_NONE, list},
    {"POST", "/networks/create", 0, API_BODY_JSON_MUST, create},
    {"POST", "/networks/prune", 125, API_BODY_NONE, prune},
    {"GET", "/networks/{}", 0, API_BODY_NONE, inspect},
    {"DELETE", "/networks/{}", 0, API_BODY_NONE, remove_one},
    {"POST", "/networks/{}/connect", 0, API_BODY_JSON_MUST, connect_to},
    {"POST", "/networks/{}/disconnect", 0, API_BODY_JSON_MUST, disconnect},
    {NULL},
};

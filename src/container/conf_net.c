/* SPDX-License-Identifier: Apache-2.0 */
#include "container/conf_net.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "container/jout.h"

bool conf_is_bridged(const struct conf *c)
{
    return !streq(c->network, "none") && !streq(c->network, "host") && !conf_network_of(c);
}

const char *conf_network_of(const struct conf *c)
{
    return ns_mode_joined(c->network);
}

/* ---- ports ---- */

static json_t *binding(const struct port_pair *p)
{
    char host[16] = "";

    if (p->last > p->first)
        (void)snprintf(host, sizeof host, "%u-%u", p->first, p->last);
    else if (p->first)
        (void)snprintf(host, sizeof host, "%u", p->first);
    return json_pack("{s:s, s:s}", "HostIp", p->host_ip, "HostPort", host);
}

json_t *conf_ports_json(const struct port_list *l)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = !o;

    for (size_t i = 0; !bad && i < l->n; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%u/%s", l->v[i].inside, l->v[i].protocol);
        if (!json_object_get(o, key))
            jout_put(&bad, o, key, json_array());
        jout_add(&bad, json_object_get(o, key), binding(&l->v[i]));
    }
    return bad ? NULL : TAKE_PTR(o);
}

static int take_binding(const char *key, const json_t *b, struct arena *a, struct port_list *ret,
                        struct shale_err *e)
{
    const char *ip = json_string_value(json_object_get(b, "HostIp"));
    const char *host = json_string_value(json_object_get(b, "HostPort"));
    const char *open = ip && strchr(ip, ':') ? "[" : "", *close = open[0] ? "]" : "";
    const char *text =
        !ip || !ip[0] ? host && host[0] ? arena_printf(a, "%s:%s", host, key) : key
                      : arena_printf(a, "%s%s%s:%s:%s", open, ip, close, host ? host : "", key);

    return text ? port_publish(text, a, ret, e) : err_nomem(e);
}

int conf_ports_parse(const json_t *bindings, struct arena *a, struct port_list *ret,
                     struct shale_err *e)
{
    const char *key;
    const json_t *list;
    int r = 0;

    json_object_foreach((json_t *)bindings, key, list)
    {
        for (size_t i = 0; r >= 0 && i < json_array_size(list); i++)
            r = take_binding(key, json_array_get(list, i), a, ret, e);
    }
    return r;
}

/* ---- networks ---- */

#define F(name, kind, field, flags)                                                                \
    {                                                                                              \
        name, kind, offsetof(struct conf_network, field), flags                                    \
    }
static const struct json_field fields[] = {
    F("Name", JB_STR, name, 0),
    F("Id", JB_STR, id, 0),
    F("Address", JB_STR, address, 0),
    F("Address6", JB_STR, address6, JOUT_OMIT),
    F("Aliases", JB_STRV, aliases, 0),
    F("Mac", JB_STR, mac, JOUT_OMIT),
    F("Links", JB_STRV, links, JOUT_OMIT),
};
#undef F

json_t *conf_networks_json(const struct conf *c)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0; i < c->n_networks; i++) {
        json_t *o = json_object();
        jout_fields(&bad, o, fields, ARRAY_SIZE(fields), &c->networks[i]);
        jout_add(&bad, list, o);
    }
    return bad ? NULL : TAKE_PTR(list);
}

int conf_networks_parse(const json_t *list, struct arena *a, struct conf *ret, struct shale_err *e)
{
    size_t n = json_array_size(list);
    int r = 0;

    ret->networks = arena_array(a, n + 1, sizeof *ret->networks);
    if (!ret->networks)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        ret->networks[i] =
            (struct conf_network){.name = "", .id = "", .address = "", .address6 = "", .mac = ""};
        r = json_bind(json_array_get(list, i), fields, ARRAY_SIZE(fields), &ret->networks[i], a, e);
    }
    ret->n_networks = n;
    return r;
}

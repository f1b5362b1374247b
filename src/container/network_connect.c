/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting containers to networks, and taking them off. */
#include <unistd.h>

#include "base/cleanup.h"
#include "base/lock.h"
#include "base/str.h"
#include "container/brief.h"
#include "container/endpoint.h"
#include "container/links.h"
#include "container/netavark.h"
#include "container/netfiles.h"
#include "container/pasta.h"

#define ALIASES_MAX 1024

static struct conf_network *find(const struct ctr *c, const char *id)
{
    for (size_t i = 0; i < c->conf.n_networks; i++)
        if (streq(c->conf.networks[i].id, id))
            return &c->conf.networks[i];
    return NULL;
}

static int save(struct container_host *h, struct arena *a, const struct ctr *c, struct shale_err *e)
{
    struct str listing;
    char *text;
    int r = conf_format(&c->conf, a, &text, e);

    if (r >= 0)
        r = brief_pack(&c->conf, a, &listing, e);
    return r < 0 ? r : meta_container_set_config(store_meta(h->store), c->row.id, text, listing, e);
}

/* hosts and resolv.conf of one that runs, as things are now; and of those that know it. Without
 * NETWORK_LOCK. */
static int rewrite_files(struct container_host *h, struct arena *a, const struct ctr *c,
                         struct shale_err *e)
{
    struct endpoints net;
    int r = endpoints_load(h, a, c, &net, e);

    if (r >= 0)
        r = links_write(h, a, c, &net, e);
    if (r >= 0)
        links_tell(h, c);
    return r;
}

/* The container, locked and as it is now. */
static int lock_container(struct container_host *h, const char *container, struct arena *a,
                          struct ctr *c, int *ret_lock, struct shale_err *e)
{
    int r = ctr_find(h, container, a, c, e);

    if (r < 0)
        return r;
    *ret_lock = ctr_lock(h, c, e);
    if (*ret_lock < 0)
        return *ret_lock;
    return ctr_reload(h, a, c, e);
}

/* ---- connecting ---- */

static int check(const struct ctr *c, const struct network *n,
                 const struct shale_network_connect_opts *o, struct shale_err *e)
{
    struct ipv6 address6;
    uint32_t address;

    if (streq(n->row.name, "host"))
        return err_set(e, SHALE_INVALID, "container cannot be connected to host network");
    if (!n->connects || streq(c->conf.network, "none"))
        return err_set(e, SHALE_INVALID,
                       "container cannot be connected to multiple networks with one of the "
                       "networks in private (none) mode");
    if (!conf_is_bridged(&c->conf) || streq(c->conf.network, PASTA_MODE))
        return err_set(e, SHALE_INVALID,
                       "container sharing network namespace with another container or host cannot "
                       "be connected to any other network");
    if (find(c, n->row.id))
        return err_set(e, SHALE_DENIED,
                       "endpoint with name %.200s already exists in network %.100s", c->row.name,
                       n->row.name);
    if (n->builtin && o->aliases && o->aliases[0])
        return err_set(e, SHALE_INVALID,
                       "network-scoped aliases are only supported for user-defined networks");
    if (n->builtin && o->links && o->links[0])
        return err_set(e, SHALE_INVALID,
                       "links of a connection are only supported for user-defined networks");
    int r = o->address && o->address[0] ? network_check_address(n, o->address, &address, e) : 0;
    if (r >= 0 && o->address6 && o->address6[0])
        r = network_check_address6(n, o->address6, &address6, e);
    return r;
}

static int copy_names(const char *const *list, struct arena *a, struct strv *ret,
                      struct shale_err *e)
{
    while (list && list[ret->n])
        if (++ret->n > ALIASES_MAX)
            return err_set(e, SHALE_LIMIT, "more than %d aliases", ALIASES_MAX);
    ret->v = arena_array(a, ret->n + 1, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    for (size_t i = 0; i < ret->n; i++) {
        ret->v[i] = arena_strdup(a, list[i]);
        if (!ret->v[i])
            return err_nomem(e);
    }
    return 0;
}

static int whole_link(char **link, struct arena *a, struct shale_err *e)
{
    struct run_link l;
    int r = run_link(*link, a, &l, e);

    if (r < 0)
        return r;
    *link = arena_printf(a, "%s:%s", l.name, l.alias);
    return *link ? 0 : err_nomem(e);
}

static int add_to_conf(struct ctr *c, const struct network *n,
                       const struct shale_network_connect_opts *o, struct arena *a,
                       struct shale_err *e)
{
    struct conf *k = &c->conf;
    struct conf_network *v = arena_array(a, k->n_networks + 2, sizeof *v);
    struct conf_network one = {.name = n->row.name,
                               .id = n->row.id,
                               .address = o->address ? arena_strdup(a, o->address) : "",
                               .address6 = o->address6 ? arena_strdup(a, o->address6) : "",
                               .mac = ""};
    char *mac = NULL;
    int r = o->mac && *o->mac ? run_mac(o->mac, a, &mac, e) : 0;

    if (r >= 0)
        r = copy_names(o->aliases, a, &one.aliases, e);
    if (r >= 0)
        r = copy_names(o->links, a, &one.links, e);
    for (size_t i = 0; r >= 0 && i < one.links.n; i++)
        r = whole_link(&one.links.v[i], a, e);
    if (r < 0)
        return r;
    if (!v || !one.address || !one.address6)
        return err_nomem(e);
    if (mac)
        one.mac = mac;
    for (size_t i = 0; i < k->n_networks; i++)
        v[i] = k->networks[i];
    v[k->n_networks++] = one;
    k->networks = v;
    return 0;
}

/* The first number that no interface inside has: those in use are those of the networks there, in
 * any order after some were taken away, so the kernel is asked by trying. */
static int plug_in(struct container_host *h, struct arena *a, const struct ctr *c,
                   const struct conf_network *n, struct shale_err *e)
{
    struct endpoint p;
    int r = -SHALE_SYSTEM;

    for (unsigned i = 0; i <= c->conf.n_networks; i++) {
        struct shale_err why = SHALE_ERR_INIT;
        r = endpoints_add(h, a, c, n, i, &p, &why);
        if (r >= 0)
            return r;
        endpoints_forget(h, a, c, n->id);
        if (e)
            *e = why;
        if (!strstr(why.msg, "exists"))
            return r;
    }
    return r;
}

int network_connect(struct container_host *h, const char *network, const char *container,
                    const struct shale_network_connect_opts *o, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_close_ int container_lock = -1, lock = -1, host = -1;
    struct network n;
    struct ctr c;
    int r = network_find(h, network, &a, &n, e);

    if (r >= 0)
        r = lock_container(h, container, &a, &c, &container_lock, e);
    if (r >= 0)
        r = check(&c, &n, o, e);
    if (r >= 0)
        r = add_to_conf(&c, &n, o, &a, e);
    if (r < 0)
        return r;
    if (ctr_need_running(&c, NULL) < 0)
        return save(h, &a, &c, e);
    lock = lock_take(store_root_fd(h->store), NETWORK_LOCK, LOCK_EXCLUSIVE, h->cancel, e);
    host = lock < 0 ? lock : netavark_host_lock(&a, h->cancel, e);
    if (host < 0)
        return host;
    r = plug_in(h, &a, &c, &c.conf.networks[c.conf.n_networks - 1], e);
    if (r >= 0)
        r = save(h, &a, &c, e);
    close(TAKE_FD(host));
    close(TAKE_FD(lock));
    return r < 0 ? r : rewrite_files(h, &a, &c, e);
}

/* ---- disconnecting ---- */

int network_disconnect(struct container_host *h, const char *network, const char *container,
                       struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_close_ int container_lock = -1, lock = -1, host = -1;
    struct conf_network *there;
    struct network n;
    struct ctr c;
    int r = network_find(h, network, &a, &n, e);

    if (r >= 0)
        r = lock_container(h, container, &a, &c, &container_lock, e);
    if (r < 0)
        return r;
    there = find(&c, n.row.id);
    if (streq(c.conf.network, n.row.name) && streq(n.row.name, "host"))
        return err_set(e, SHALE_INVALID,
                       "container cannot be disconnected from host network or "
                       "connected to host network");
    if (!there)
        return err_set(e, SHALE_DENIED, "container %s is not connected to network %.100s", c.row.id,
                       n.row.name);
    size_t at = (size_t)(there - c.conf.networks);
    for (size_t i = at + 1; i < c.conf.n_networks; i++)
        c.conf.networks[i - 1] = c.conf.networks[i];
    c.conf.n_networks--;
    bool runs = ctr_need_running(&c, NULL) >= 0;
    if (runs) {
        lock = lock_take(store_root_fd(h->store), NETWORK_LOCK, LOCK_EXCLUSIVE, h->cancel, e);
        host = lock < 0 ? lock : netavark_host_lock(&a, h->cancel, e);
        if (host < 0)
            return host;
        endpoints_remove(h, &a, &c, n.row.id);
        close(TAKE_FD(host));
        close(TAKE_FD(lock));
    }
    r = save(h, &a, &c, e);
    return r >= 0 && runs ? rewrite_files(h, &a, &c, e) : r;
}

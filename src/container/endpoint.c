/* SPDX-License-Identifier: Apache-2.0 */
#include "container/endpoint.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/events.h"
#include "container/jout.h"
#include "container/netavark.h"
#include "container/netns.h"
#include "container/pasta.h"
#include "container/portproxy.h"

#define STATE_MAX_BYTES (8u << 20)
#define STATE_PREFIX    "net-"
#define STATE_SUFFIX    ".json"
#define SHORT_ID        12
#define ID_HEX          64

/* ---- what netavark was told ---- */

static const char *state_path(const struct ctr *c, const char *network, struct arena *a)
{
    return arena_printf(a, "%s/" STATE_PREFIX "%.12s" STATE_SUFFIX, c->dir, network);
}

static int save_state(struct container_host *h, const struct ctr *c, const char *network,
                      const struct netavark *n, const char *input, struct arena *a,
                      struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    const char *path = state_path(c, network, a);
    char *text = NULL;
    int bad = 0, r;

    if (!path)
        return err_nomem(e);
    jout_str(&bad, o, "Boot", store_boot_id(h->store));
    jout_str(&bad, o, "Firewall", n->firewall);
    jout_str(&bad, o, "Input", input);
    r = jout_check(bad, "state of a network", e);
    if (r >= 0)
        r = jout_text(o, JSON_COMPACT, a, &text, e);
    return r < 0 ? r : fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, false, e);
}

/* Undoes one network. Of what an earlier boot had, nothing is left but the file. */
static void undo(struct container_host *h, struct arena *a, const struct ctr *c, const char *path)
{
    char *text = fs_read_text(AT_FDCWD, path, a, STATE_MAX_BYTES, NULL);
    const char *netns = ctr_path(c, a, "netns");
    _cleanup_json_ json_t *j = NULL;
    struct netavark n;

    if (text && netns && json_parse(text, strlen(text), STATE_MAX_BYTES, &j, NULL) >= 0) {
        const char *boot = json_string_value(json_object_get(j, "Boot"));
        const char *firewall = json_string_value(json_object_get(j, "Firewall"));
        const char *input = json_string_value(json_object_get(j, "Input"));
        if (firewall && input && streq(boot, store_boot_id(h->store)) &&
            netavark_find(h, a, &n, NULL) >= 0) {
            n.firewall = firewall;
            (void)netavark_call(&n, "teardown", netns, input, a, NULL);
        }
    }
    (void)sys_unlinkat(AT_FDCWD, path, 0);
}

/* ---- connecting ---- */

static int take_address(struct container_host *h, struct arena *a, const struct ctr *c,
                        const struct conf_network *asked, struct endpoint *p, struct shale_err *e)
{
    char *id = arena_alloc(a, ID_HEX + 1);
    struct meta_endpoint row = {.container = c->row.id,
                                .network = p->network.row.id,
                                .id = id,
                                .address6 = asked->address6};
    int r = id ? random_hex(id, ID_HEX / 2, e) : err_nomem(e);

    if (r >= 0)
        r = asked->address[0] ? network_check_address(&p->network, asked->address, &p->address, e)
                              : network_free_address(h, &p->network, a, &p->address, e);
    if (r >= 0 && asked->address6[0])
        r = network_check_address6(&p->network, asked->address6, &p->address6, e);
    if (r < 0)
        return r;
    row.address = p->address;
    if (p->network.ipv6) {
        p->address6 = network_address6(&p->network, p->address, asked->address6);
        r = network_claim_address6(h, &p->network, &p->address6, c->row.id, a, e);
    }
    return r < 0 ? r : meta_endpoint_add(store_meta(h->store), &row, e);
}

/* The short ID and what was asked for; the container's name comes by itself. */
static int names_of(const struct ctr *c, const struct conf_network *asked, struct arena *a,
                    struct strv *ret, struct shale_err *e)
{
    ret->v = arena_array(a, asked->aliases.n + 3, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    for (size_t i = 0; i < asked->aliases.n; i++)
        ret->v[ret->n++] = asked->aliases.v[i];
    ret->v[ret->n] = arena_strndup(a, c->row.id, SHORT_ID);
    if (!ret->v[ret->n])
        return err_nomem(e);
    if (!streq(ret->v[ret->n++], c->conf.hostname) && c->conf.hostname[0]) {
        ret->v[ret->n] = arena_strdup(a, c->conf.hostname);
        if (!ret->v[ret->n++])
            return err_nomem(e);
    }
    return 0;
}

static int call_setup(struct container_host *h, struct arena *a, const struct ctr *c,
                      const struct conf_network *asked, const struct endpoint *p, unsigned number,
                      const struct hostports *ports, struct shale_err *e)
{
    const char *netns = ctr_path(c, a, "netns");
    struct netavark n;
    struct netavark_in in = {.container_id = c->row.id,
                             .container_name = c->row.name,
                             .network = &p->network,
                             .number = number,
                             .address = p->address,
                             .address6 = p->address6,
                             .mac = asked->mac,
                             .dns = c->conf.dns};
    char *input;
    int r = netavark_find(h, a, &n, e);

    if (r < 0 || !netns)
        return r < 0 ? r : err_nomem(e);
    if (p->network.resolves && !n.aardvark[0])
        return err_set(e, SHALE_UNSUPPORTED,
                       "aardvark-dns is not installed: it resolves the names on network %.100s; "
                       "install the package aardvark-dns",
                       p->network.row.name);
    struct netavark_port *v = arena_array(a, (ports ? ports->n : 0) + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; ports && i < ports->n; i++)
        if (!strchr(ports->v[i].host_ip, ':')) /* those are carried */
            v[in.n_ports++] = (struct netavark_port){
                ports->v[i].protocol, /* it would look for that very one */
                streq(ports->v[i].host_ip, "0.0.0.0") ? "" : ports->v[i].host_ip,
                ports->v[i].inside, ports->v[i].host};
    in.ports = v;
    r = names_of(c, asked, a, &in.names, e);
    if (r >= 0)
        r = netavark_input(&in, a, &input, e);
    if (r >= 0)
        r = save_state(h, c, p->network.row.id, &n, input, a, e);
    if (r >= 0)
        r = netavark_call(&n, "setup", netns, input, a, e);
    if (r >= 0)
        network_event(h->store, EVENT_NETWORK_CONNECT, &p->network, c->row.id);
    return r;
}

static int find_network(struct container_host *h, struct arena *a, const struct conf_network *n,
                        struct network *ret, struct shale_err *e)
{
    int r = network_find(h, n->id, a, ret, NULL);

    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_NOT_FOUND, "network %s not found", n->id);
    return r < 0 ? network_find(h, n->id, a, ret, e) : 0;
}

int endpoints_add(struct container_host *h, struct arena *a, const struct ctr *c,
                  const struct conf_network *n, unsigned number, struct endpoint *ret,
                  struct shale_err *e)
{
    int r = find_network(h, a, n, &ret->network, e);

    if (r >= 0)
        r = network_settle(h, &ret->network, a, e);
    if (r >= 0)
        r = take_address(h, a, c, n, ret, e);
    return r < 0 ? r : call_setup(h, a, c, n, ret, number, NULL, e);
}

/* Of one network, or of all (NULL), as long as the rows are there. */
static void tell_gone(struct container_host *h, struct arena *a, const struct ctr *c,
                      const char *network)
{
    struct meta_endpoint *v = NULL;
    struct network n;
    size_t n_rows = 0;

    if (meta_endpoint_list(store_meta(h->store), c->row.id, network, a, &v, &n_rows, NULL) < 0)
        return;
    for (size_t i = 0; i < n_rows; i++)
        if (network_find(h, v[i].network, a, &n, NULL) >= 0)
            network_event(h->store, EVENT_NETWORK_DISCONNECT, &n, c->row.id);
}

void endpoints_remove(struct container_host *h, struct arena *a, const struct ctr *c,
                      const char *network)
{
    const char *path = state_path(c, network, a);
    struct meta_port *ports = NULL;
    size_t n_ports = 0;

    if (path)
        undo(h, a, c, path);
    tell_gone(h, a, c, network);
    (void)meta_endpoint_delete(store_meta(h->store), c->row.id, network, NULL);
    if (meta_port_list(store_meta(h->store), c->row.id, a, &ports, &n_ports, NULL) >= 0 && !n_ports)
        portproxy_stop(c, a);
}

void endpoints_forget(struct container_host *h, struct arena *a, const struct ctr *c,
                      const char *network)
{
    const char *path = state_path(c, network, a);

    if (path)
        (void)sys_unlinkat(AT_FDCWD, path, 0);
    (void)meta_endpoint_delete(store_meta(h->store), c->row.id, network, NULL);
}

/* ---- a container ---- */

static void refresh_addresses(struct container_host *h, struct arena *a,
                              const struct conf_network *asked)
{
    struct meta_endpoint *v = NULL;
    struct ipv6 want6 = {{0}};
    struct network n;
    struct ctr other;
    size_t n_taken = 0;
    uint32_t want = 0;
    bool has4 = ipv4_parse(asked->address, &want);

    if (find_network(h, a, asked, &n, NULL) < 0 ||
        meta_endpoint_list(store_meta(h->store), NULL, n.row.id, a, &v, &n_taken, NULL) < 0)
        return;
    if (n.ipv6 && (has4 || asked->address6[0])) /* without one of its own: the counterpart */
        want6 = network_address6(&n, want, asked->address6);
    for (size_t i = 0; i < n_taken; i++) {
        bool same = has4 && v[i].address == want;
        if (n.ipv6 && !same) {
            struct ipv6 theirs = network_address6(&n, v[i].address, v[i].address6);
            same = ipv6_eq(&theirs, &want6);
        }
        if (same)
            (void)ctr_find(h, v[i].container, a, &other, NULL);
    }
}

/* Containers that have ended, which nobody has recorded yet, may have what we want: out of the
 * way, before NETWORK_LOCK is held. */
static void refresh_holders(struct container_host *h, struct arena *a, const struct ctr *c)
{
    struct meta *m = store_meta(h->store);
    struct ctr other;

    for (size_t i = 0; i < c->conf.ports.n; i++) {
        const struct port_pair *p = &c->conf.ports.v[i];
        const char *const ips[] = {p->host_ip, p->host_ip[0] ? NULL : HOSTPORTS_ANY6};
        const char *holder;
        for (size_t k = 0; p->first && k < ARRAY_SIZE(ips) && ips[k]; k++)
            if (meta_port_holder(m, p->protocol, ips[k], p->first, a, &holder, NULL) == 1)
                (void)ctr_find(h, holder, a, &other, NULL);
    }
    for (size_t i = 0; i < c->conf.n_networks; i++) {
        const struct conf_network *n = &c->conf.networks[i];
        if (n->address[0] || n->address6[0])
            refresh_addresses(h, a, n);
    }
}

/* Where its ports are: the first network but those where it has addresses of its own outside. */
static struct endpoint *published(struct endpoints *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (!p->v[i].network.macvlan)
            return &p->v[i];
    return NULL;
}

static int setup_locked(struct container_host *h, struct arena *a, struct ctr *c,
                        struct endpoints *ret, struct shale_err *e)
{
    int r = netns_make(ret->netns, e);

    ret->v = arena_array(a, c->conf.n_networks + 1, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < c->conf.n_networks; i++) {
        r = find_network(h, a, &c->conf.networks[i], &ret->v[i].network, e);
        if (r >= 0)
            r = network_settle(h, &ret->v[i].network, a, e);
        if (r >= 0)
            r = take_address(h, a, c, &c->conf.networks[i], &ret->v[i], e);
        if (r >= 0)
            ret->n++;
    }
    const struct endpoint *at = published(ret);
    if (r >= 0 && at)
        r = hostports_take(h, a, c, at->network.row.id, &ret->ports, e);
    if (r >= 0 && streq(c->conf.network, PASTA_MODE)) {
        r = hostports_take(h, a, c, PASTA_MODE, &ret->ports, e);
        hostports_close(&ret->ports); /* it listens by itself */
        if (r >= 0)
            r = pasta_start(c, ret->netns, &ret->ports, a, &ret->resolver, e);
    }
    for (size_t i = 0; r >= 0 && i < ret->n; i++)
        r = call_setup(h, a, c, &c->conf.networks[i], &ret->v[i], (unsigned)i,
                       &ret->v[i] == at ? &ret->ports : NULL, e);
    return r >= 0 && at ? portproxy_start(h, c, &ret->ports, at->address, a, e) : r;
}

/* --network container: the namespace of a process that runs. */
static int join(struct container_host *h, struct arena *a, const char *other, struct endpoints *ret,
                struct shale_err *e)
{
    struct ctr_run run;
    struct ctr o;
    int r = ctr_find(h, other, a, &o, e);

    if (r >= 0 && ctr_need_running(&o, NULL) < 0)
        r = err_set(e, SHALE_CONFLICT, "cannot join network of a non running container: %s",
                    o.row.id);
    if (r >= 0)
        r = ctr_run_load(h, &o, a, &run, e);
    if (r < 0)
        return r;
    ret->netns = arena_printf(a, "/proc/%d/ns/net", (int)run.init.pid);
    ret->joined_dir = o.dir;
    return ret->netns ? 0 : err_nomem(e);
}

int endpoints_setup(struct container_host *h, struct arena *a, struct ctr *c, struct endpoints *ret,
                    struct shale_err *e)
{
    const char *other = conf_network_of(&c->conf);

    *ret = (struct endpoints){.ports.fds = {-1}};
    if (other)
        return join(h, a, other, ret, e);
    if (!conf_is_bridged(&c->conf))
        return 0;
    ret->netns = ctr_path(c, a, "netns");
    if (!ret->netns)
        return err_nomem(e);
    int r = meta_endpoint_delete(store_meta(h->store), c->row.id, NULL, e);
    if (r < 0)
        return r;
    refresh_holders(h, a, c);
    _cleanup_close_ int lock =
        lock_take(store_root_fd(h->store), NETWORK_LOCK, LOCK_EXCLUSIVE, h->cancel, e);
    if (lock < 0)
        return lock;
    bool pasta = streq(c->conf.network, PASTA_MODE);
    _cleanup_close_ int host = pasta ? -1 : netavark_host_lock(a, h->cancel, e);
    if (host < 0 && !pasta)
        return host;
    r = setup_locked(h, a, c, ret, e);
    if (r == -SHALE_NOT_FOUND) /* means the command to those who start */
        e->code = SHALE_CONFLICT;
    return r < 0 ? -e->code : 0;
}

void endpoints_close(struct endpoints *p)
{
    hostports_close(&p->ports);
}

struct undoing {
    struct container_host *h;
    struct arena *a;
    const struct ctr *c;
};

static int undo_file(void *arg, const char *name, unsigned char d_type)
{
    struct undoing *u = arg;
    const char *path;

    if (!str_has_prefix(name, STATE_PREFIX) || !str_has_suffix(name, STATE_SUFFIX))
        return 0;
    path = ctr_path(u->c, u->a, name);
    if (path)
        undo(u->h, u->a, u->c, path);
    return 0;
}

void endpoints_teardown(struct container_host *h, struct arena *a, const struct ctr *c)
{
    struct undoing u = {h, a, c};
    const char *netns = ctr_path(c, a, "netns");

    if (!conf_is_bridged(&c->conf) || !netns || !fs_exists(AT_FDCWD, netns))
        return;
    _cleanup_close_ int lock =
        lock_take(store_root_fd(h->store), NETWORK_LOCK, LOCK_EXCLUSIVE, NULL, NULL);
    _cleanup_close_ int host = netavark_host_lock(a, NULL, NULL);
    (void)host;
    (void)fs_each(AT_FDCWD, c->dir, undo_file, &u, NULL);
    portproxy_stop(c, a);
    pasta_stop(c, a);
    tell_gone(h, a, c, NULL);
    (void)meta_endpoint_delete(store_meta(h->store), c->row.id, NULL, NULL);
    netns_drop(netns); /* last: as long as it is there, all this is done again */
}

int endpoints_load(struct container_host *h, struct arena *a, const struct ctr *c,
                   struct endpoints *ret, struct shale_err *e)
{
    struct meta_endpoint *v = NULL;
    size_t n = 0;
    int r = meta_endpoint_list(store_meta(h->store), c->row.id, NULL, a, &v, &n, e);

    *ret = (struct endpoints){.ports.fds = {-1}};
    if (r >= 0)
        r = meta_port_list(store_meta(h->store), c->row.id, a, &ret->ports.v, &ret->ports.n, e);
    if (r < 0)
        return r;
    ret->v = arena_array(a, n + 1, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    for (size_t i = 0; i < c->conf.n_networks; i++)
        for (size_t k = 0; k < n; k++)
            if (streq(v[k].network, c->conf.networks[i].id) &&
                network_find(h, v[k].network, a, &ret->v[ret->n].network, NULL) >= 0) {
                struct endpoint *p = &ret->v[ret->n++];
                p->address = v[k].address;
                if (p->network.ipv6)
                    p->address6 = network_address6(&p->network, v[k].address, v[k].address6);
            }
    return 0;
}

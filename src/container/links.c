/* SPDX-License-Identifier: Apache-2.0 */
#include "container/links.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/jout.h"
#include "container/netfiles.h"

#define FOLDER     "links"
#define NOTE_BYTES (sizeof FOLDER + 1 + META_CONTAINER_ID_HEX)

/* NULL: it is not on the bridge, where conf.links are. */
static const struct conf_network *bridge_of(const struct conf *c)
{
    for (size_t i = 0; i < c->n_networks; i++)
        if (streq(c->networks[i].name, NETWORK_BRIDGE))
            return &c->networks[i];
    return NULL;
}

static bool has_links(const struct conf *c)
{
    bool any = bridge_of(c) && c->links.n > 0;

    for (size_t i = 0; i < c->n_networks; i++)
        any |= c->networks[i].links.n > 0;
    return any && conf_is_bridged(c);
}

/* "NAME:ALIAS" as it was kept. */
static struct str target_of(const char *link)
{
    return (struct str){link, (size_t)(strrchr(link, ':') - link)};
}

/* May one of the links be to that container? True once too often does no harm. */
static bool links_mean(const struct strv *links, const char *id, const char *name)
{
    for (size_t i = 0; i < links->n; i++) {
        struct str t = target_of(links->v[i]);
        if (str_eq(t, str_of(name)) || (t.n >= 1 && t.n <= strlen(id) && !memcmp(t.p, id, t.n)))
            return true;
    }
    return false;
}

/* ---- lines ---- */

/* Its address on that network; 0: it has none there. */
static uint32_t address_of(struct container_host *h, struct arena *a, const char *container,
                           const char *network)
{
    struct meta_endpoint *v = NULL;
    size_t n = 0;

    if (meta_endpoint_list(store_meta(h->store), container, network, a, &v, &n, NULL) < 0 || !n)
        return 0;
    return v[0].address;
}

/* docker: the alias, and on the bridge, where nobody resolves names, the others that it has. */
static void add_line(struct buf *b, uint32_t address, const char *alias, const struct ctr *other,
                     bool legacy)
{
    char text[IPV4_BYTES];

    buf_addf(b, "%s\t%s", ipv4_format(address, text), alias);
    if (legacy && !streq(other->conf.hostname, alias))
        buf_addf(b, " %s", other->conf.hostname);
    if (legacy && !streq(other->row.name, alias) && !streq(other->row.name, other->conf.hostname))
        buf_addf(b, " %s", other->row.name);
    buf_addf(b, "\n");
}

static int add_legacy(struct container_host *h, struct arena *a, const struct conf_network *bridge,
                      const char *link, struct buf *b, struct shale_err *e)
{
    struct str target = target_of(link);
    char *id = arena_strndup(a, target.p, target.n);
    struct meta_container row;
    struct ctr other;

    if (!id)
        return err_nomem(e);
    if (meta_container_get(store_meta(h->store), id, a, &row, NULL) < 0)
        return 0;
    int r = ctr_of_row(h, &row, a, &other, e);
    uint32_t address = r < 0 ? 0 : address_of(h, a, id, bridge->id);
    if (address)
        add_line(b, address, link + target.n + 1, &other, true);
    return r;
}

/* Of one that is started on the bridge. Before the lock is held: who is found to have ended takes
 * it. */
static int check_targets(struct container_host *h, struct arena *a, const struct ctr *c,
                         struct shale_err *e)
{
    const struct conf_network *bridge = bridge_of(&c->conf);

    for (size_t i = 0; bridge && i < c->conf.links.n; i++) {
        struct str target = target_of(c->conf.links.v[i]);
        char *id = arena_strndup(a, target.p, target.n);
        struct ctr other;
        int r = id ? ctr_find(h, id, a, &other, e) : err_nomem(e);
        if (r < 0)
            return r;
        if (ctr_need_running(&other, NULL) < 0)
            return err_set(e, SHALE_CONFLICT,
                           "Cannot link to a non running container: /%.100s AS /%.100s/%.100s",
                           other.row.name, c->row.name, target.p + target.n + 1);
        if (!address_of(h, a, id, bridge->id))
            return err_set(e, SHALE_INVALID,
                           "Cannot link to /%.100s, as it does not belong to the default network",
                           other.row.name);
    }
    return 0;
}

static int add_named(struct container_host *h, struct arena *a, const struct conf_network *n,
                     struct buf *b, struct shale_err *e)
{
    const struct strv *links = &n->links;

    for (size_t i = 0; i < links->n; i++) {
        struct str target = target_of(links->v[i]);
        char *name = arena_strndup(a, target.p, target.n);
        struct meta_container row;
        if (!name)
            return err_nomem(e);
        if (meta_container_find(store_meta(h->store), name, a, &row, NULL) < 0)
            continue;
        uint32_t address = address_of(h, a, row.id, n->id);
        if (address)
            add_line(b, address, links->v[i] + target.n + 1, NULL, false);
    }
    return 0;
}

/* As they are now, all of them. */
static int add_lines(struct container_host *h, struct arena *a, const struct conf *k, struct buf *b,
                     struct shale_err *e)
{
    const struct conf_network *bridge = bridge_of(k);
    int r = 0;

    for (size_t i = 0; r >= 0 && bridge && i < k->links.n; i++)
        r = add_legacy(h, a, bridge, k->links.v[i], b, e);
    for (size_t i = 0; r >= 0 && i < k->n_networks; i++)
        r = add_named(h, a, &k->networks[i], b, e);
    return r < 0 ? r : buf_check(b, e);
}

/* ---- who is told ---- */

/* The note has the lines that its hosts have. */
static void note_path(const char *id, char ret[NOTE_BYTES])
{
    (void)snprintf(ret, NOTE_BYTES, FOLDER "/%s", id);
}

static int note(struct container_host *h, const char *id, struct buf *lines, struct shale_err *e)
{
    int root = store_root_fd(h->store), r = fs_mkdir_p(root, FOLDER, 0700, e);
    char path[NOTE_BYTES];

    note_path(id, path);
    return r < 0 ? r : fs_write_atomic(root, path, buf_str(lines), lines->n, 0600, false, e);
}

static void forget(struct container_host *h, const char *id)
{
    char path[NOTE_BYTES];

    note_path(id, path);
    (void)sys_unlinkat(store_root_fd(h->store), path, 0);
}

int links_write(struct container_host *h, struct arena *a, const struct ctr *c,
                struct endpoints *net, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf lines = BUF_INIT(NETFILES_MAX);

    if (!has_links(&c->conf)) {
        forget(h, c->row.id); /* it may have had some */
        return netfiles_write(c->dir, &c->conf, net, e);
    }
    int r = ctr_need_running(c, NULL) < 0 ? check_targets(h, a, c, e) : 0;
    if (r < 0)
        return r;
    _cleanup_close_ int lock =
        lock_take(store_root_fd(h->store), NETWORK_LOCK, LOCK_EXCLUSIVE, h->cancel, e);
    if (lock < 0)
        return lock;
    r = add_lines(h, a, &c->conf, &lines, e);
    if (r >= 0)
        r = note(h, c->row.id, &lines, e);
    if (r < 0)
        return r;
    net->hosts = buf_str(&lines);
    r = netfiles_write(c->dir, &c->conf, net, e);
    net->hosts = NULL;
    return r;
}

struct telling {
    struct container_host *h;
    const struct ctr *c;
};

static bool knows(const struct conf *k, const struct ctr *c)
{
    bool any = links_mean(&k->links, c->row.id, c->row.name);

    for (size_t i = 0; i < k->n_networks; i++)
        any |= links_mean(&k->networks[i].links, c->row.id, c->row.name);
    return any;
}

/* What else is in its hosts, of its own, stays. */
static void tell(struct telling *t, struct arena *a, const struct ctr *other)
{
    _cleanup_(buf_clear) struct buf was = BUF_INIT(NETFILES_MAX), now = BUF_INIT(NETFILES_MAX);
    char path[NOTE_BYTES];

    note_path(other->row.id, path);
    if (fs_read_file(store_root_fd(t->h->store), path, &was, NULL) < 0 ||
        add_lines(t->h, a, &other->conf, &now, NULL) < 0 || streq(buf_str(&was), buf_str(&now)))
        return;
    if (netfiles_change_hosts(other->dir, buf_str(&was), buf_str(&now), NULL) >= 0)
        (void)note(t->h, other->row.id, &now, NULL);
}

/* One that is noted runs, or is about to: it may be that nobody has written so yet. */
static int tell_one(void *arg, const char *name, unsigned char d_type)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct telling *t = arg;
    struct meta_container row;
    struct ctr other;

    if (strlen(name) != META_CONTAINER_ID_HEX || streq(name, t->c->row.id))
        return 0;
    int r = meta_container_get(store_meta(t->h->store), name, &a, &row, NULL);
    if (r == -SHALE_NOT_FOUND)
        forget(t->h, name);
    else if (r >= 0 && ctr_of_row(t->h, &row, &a, &other, NULL) >= 0 && knows(&other.conf, t->c))
        tell(t, &a, &other);
    return 0;
}

void links_tell(struct container_host *h, const struct ctr *c)
{
    struct telling t = {h, c};

    if (!conf_is_bridged(&c->conf) || !fs_exists(store_root_fd(h->store), FOLDER))
        return;
    _cleanup_close_ int lock =
        lock_take(store_root_fd(h->store), NETWORK_LOCK, LOCK_EXCLUSIVE, h->cancel, NULL);
    if (lock >= 0)
        (void)fs_each(store_root_fd(h->store), FOLDER, tell_one, &t, NULL);
}

void links_undo(struct container_host *h, const struct ctr *c)
{
    forget(h, c->row.id);
}

/* ---- inspect ---- */

int links_show(struct container_host *h, struct arena *a, const struct ctr *c, json_t **ret,
               struct shale_err *e)
{
    _cleanup_json_ json_t *list = NULL;
    int bad = 0;

    *ret = NULL;
    if (!c->conf.links.n)
        return 0;
    list = json_array();
    for (size_t i = 0; i < c->conf.links.n; i++) {
        struct str target = target_of(c->conf.links.v[i]);
        char *id = arena_strndup(a, target.p, target.n);
        struct meta_container row;
        if (!id)
            return err_nomem(e);
        if (meta_container_get(store_meta(h->store), id, a, &row, NULL) >= 0)
            jout_add(&bad, list,
                     json_sprintf("/%s:/%s/%s", row.name, c->row.name, target.p + target.n + 1));
    }
    int r = jout_check(bad, "links of the container", e);
    if (r >= 0)
        *ret = TAKE_PTR(list);
    return r;
}

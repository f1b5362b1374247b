/* SPDX-License-Identifier: Apache-2.0 */
/* A version byte, then the members in a fixed order: a text ends with a zero byte, a number is
 * seven bits a byte, least first, a list its number of members and then those. */
#include "container/brief.h"

#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define BRIEF_VERSION 3 /* 2 had no MAC address and links of a network; it is read, too */
#define BRIEF_OLDEST  2
#define ITEM_LEAST    1 /* bytes of a member of any list */

enum {
    FLAG_TTY = 1 << 0,
    FLAG_OPEN_STDIN = 1 << 1,
};

/* ---- out ---- */

static void put_number(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        buf_addc(b, (char)(0x80 | (v & 0x7f)));
    buf_addc(b, (char)v);
}

static void put_text(struct buf *b, const char *s)
{
    buf_add(b, s ? s : "", s ? strlen(s) + 1 : 1);
}

static void put_strv(struct buf *b, const struct strv *v)
{
    put_number(b, v->n);
    for (size_t i = 0; i < v->n; i++)
        put_text(b, v->v[i]);
}

static void put_mounts(struct buf *b, const struct conf *c)
{
    put_number(b, c->n_mounts);
    for (size_t i = 0; i < c->n_mounts; i++) {
        const struct conf_mount *m = &c->mounts[i];
        put_text(b, m->type);
        put_text(b, m->name);
        put_text(b, m->source);
        put_text(b, m->target);
        put_number(b, m->read_only);
    }
}

static void put_networks(struct buf *b, const struct conf *c)
{
    put_number(b, c->n_networks);
    for (size_t i = 0; i < c->n_networks; i++) {
        const struct conf_network *n = &c->networks[i];
        put_text(b, n->name);
        put_text(b, n->id);
        put_text(b, n->address);
        put_text(b, n->address6);
        put_strv(b, &n->aliases);
        put_text(b, n->mac);
        put_strv(b, &n->links);
    }
}

static void put_ports(struct buf *b, const struct port_list *l)
{
    put_number(b, l->n);
    for (size_t i = 0; i < l->n; i++) {
        const struct port_pair *p = &l->v[i];
        put_text(b, p->protocol);
        put_text(b, p->host_ip);
        put_number(b, p->inside);
        put_number(b, p->first);
        put_number(b, p->last);
    }
}

int brief_pack(const struct conf *c, struct arena *a, struct str *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CONF_MAX_BYTES);

    buf_addc(&b, BRIEF_VERSION);
    put_number(&b, (c->tty ? FLAG_TTY : 0) | (c->open_stdin ? FLAG_OPEN_STDIN : 0));
    put_text(&b, c->network);
    put_text(&b, c->runtime);
    put_text(&b, c->path);
    put_strv(&b, &c->args);
    put_mounts(&b, c);
    put_networks(&b, c);
    put_strv(&b, &c->exposed_ports);
    put_ports(&b, &c->ports);
    put_strv(&b, &c->health.test);
    int r = buf_check(&b, e);
    if (r < 0)
        return r;
    ret->p = arena_memdup(a, b.p, b.n);
    ret->n = b.n;
    return ret->p ? 0 : err_nomem(e);
}

/* ---- in ---- */

struct in {
    const char *p, *end;
    struct arena *a;
    int version;
    bool bad, no_memory;
};

static uint64_t number(struct in *x)
{
    uint64_t v = 0;

    for (unsigned shift = 0; x->p < x->end && shift < 63; shift += 7) {
        unsigned char c = (unsigned char)*x->p++;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return v;
    }
    x->bad = true;
    return 0;
}

static uint16_t port_number(struct in *x)
{
    uint64_t v = number(x);

    x->bad |= v > UINT16_MAX;
    return (uint16_t)v;
}

static char *text(struct in *x)
{
    char *s = (char *)x->p;
    const char *zero = memchr(x->p, 0, (size_t)(x->end - x->p));

    if (!zero) {
        x->bad = true;
        return (char *)"";
    }
    x->p = zero + 1;
    return s;
}

/* An array for a list; NULL where the list is empty or something is wrong. */
static void *list(struct in *x, size_t size, size_t *ret_n)
{
    uint64_t n = number(x);

    *ret_n = 0;
    x->bad |= n > (uint64_t)(x->end - x->p) / ITEM_LEAST;
    if (x->bad || n == 0)
        return NULL;
    void *v = arena_array(x->a, n, size);
    x->no_memory |= !v;
    *ret_n = v ? n : 0;
    return v;
}

static void get_strv(struct in *x, struct strv *ret)
{
    ret->v = list(x, sizeof *ret->v, &ret->n);
    ret->set = ret->n > 0;
    for (size_t i = 0; i < ret->n; i++)
        ret->v[i] = text(x);
}

static void get_mounts(struct in *x, struct conf *c)
{
    c->mounts = list(x, sizeof *c->mounts, &c->n_mounts);
    for (size_t i = 0; i < c->n_mounts; i++) {
        struct conf_mount *m = &c->mounts[i];
        *m = (struct conf_mount){.options = "", .propagation = ""};
        m->type = text(x);
        m->name = text(x);
        m->source = text(x);
        m->target = text(x);
        m->read_only = number(x) != 0;
    }
}

static void get_networks(struct in *x, struct conf *c)
{
    c->networks = list(x, sizeof *c->networks, &c->n_networks);
    for (size_t i = 0; i < c->n_networks; i++) {
        struct conf_network *n = &c->networks[i];
        n->name = text(x);
        n->id = text(x);
        n->address = text(x);
        n->address6 = text(x);
        get_strv(x, &n->aliases);
        if (x->version < 3) {
            n->mac = "";
            n->links = (struct strv){0};
            continue;
        }
        n->mac = text(x);
        get_strv(x, &n->links);
    }
}

static void get_ports(struct in *x, struct port_list *l)
{
    l->v = list(x, sizeof *l->v, &l->n);
    l->cap = l->n;
    for (size_t i = 0; i < l->n; i++) {
        struct port_pair *p = &l->v[i];
        p->protocol = text(x);
        p->host_ip = text(x);
        p->inside = port_number(x);
        p->first = port_number(x);
        p->last = port_number(x);
    }
}

int brief_unpack(struct str packed, struct arena *a, struct conf *ret)
{
    struct in x = {.p = packed.p, .end = packed.p + packed.n, .a = a};

    x.version = packed.n ? *x.p++ : 0;
    if (x.version < BRIEF_OLDEST || x.version > BRIEF_VERSION)
        return -SHALE_CORRUPT;
    uint64_t flags = number(&x);
    struct conf c = CONF_INIT;
    c.tty = flags & FLAG_TTY;
    c.open_stdin = flags & FLAG_OPEN_STDIN;
    c.network = text(&x);
    c.runtime = text(&x);
    c.path = text(&x);
    get_strv(&x, &c.args);
    get_mounts(&x, &c);
    get_networks(&x, &c);
    get_strv(&x, &c.exposed_ports);
    get_ports(&x, &c.ports);
    get_strv(&x, &c.health.test);
    if (x.no_memory)
        return -SHALE_NO_MEMORY;
    if (x.bad || x.p != x.end)
        return -SHALE_CORRUPT;
    *ret = c;
    return 0;
}

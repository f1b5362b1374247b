/* SPDX-License-Identifier: Apache-2.0 */
#include "model/port.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"

#define TEXT_BYTES 256

static int protocol_of(struct str s, const char **ret, struct shale_err *e)
{
    static const char *const known[] = {"tcp", "udp", "sctp"};
    char word[16];

    if (s.n < sizeof word) {
        memcpy(word, s.p, s.n);
        word[s.n] = 0;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (str_ieq(known[i], word)) {
                *ret = known[i];
                return 0;
            }
    }
    return err_set(e, SHALE_INVALID, "invalid proto: %.*s", (int)(s.n > 64 ? 64 : s.n), s.p);
}

/* Digits only, 0 to 65535. */
static bool number(struct str s, uint16_t *ret)
{
    char text[8];
    uint64_t v;

    if (s.n == 0 || s.n >= sizeof text)
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    if (!str_to_u64(text, &v) || v > UINT16_MAX)
        return false;
    *ret = (uint16_t)v;
    return true;
}

static bool range(struct str s, uint16_t *first, uint16_t *last)
{
    const char *dash = memchr(s.p, '-', s.n);

    if (!dash) {
        bool good = number(s, first);
        *last = *first;
        return good;
    }
    return number((struct str){s.p, (size_t)(dash - s.p)}, first) &&
           number((struct str){dash + 1, s.n - (size_t)(dash + 1 - s.p)}, last) && *first <= *last;
}

/* "…/udp": what is before the slash, and the protocol. */
static int split_protocol(struct str *s, const char **ret, struct shale_err *e)
{
    const char *slash = memchr(s->p, '/', s->n);
    struct str proto = STR("tcp");

    if (slash) {
        proto = (struct str){slash + 1, s->n - (size_t)(slash + 1 - s->p)};
        s->n = (size_t)(slash - s->p);
    }
    return protocol_of(proto, ret, e);
}

int port_expose(const char *text, struct port_range *ret, struct shale_err *e)
{
    struct str s = str_of(text);
    struct port_range p = {NULL, 0, 0};
    int r = split_protocol(&s, &p.protocol, e);

    if (r < 0)
        return r;
    if (!range(s, &p.first, &p.last) || p.first == 0)
        return err_set(e, SHALE_INVALID, "invalid range format for --expose: %.200s", text);
    *ret = p;
    return 0;
}

/* The parts of a value, before they are put together. */
struct parts {
    const char *protocol, *ip;
    bool exposed; /* port 0 goes */
    uint16_t inside_first, inside_last, first, last;
};

/* The last colon outside of brackets; SIZE_MAX: none. */
static size_t last_colon(struct str s)
{
    for (size_t i = s.n; i > 0 && s.p[i - 1] != ']'; i--)
        if (s.p[i - 1] == ':')
            return i - 1;
    return SIZE_MAX;
}

static int take_ip(struct str ip, struct arena *a, struct parts *ret, struct shale_err *e)
{
    unsigned char raw[sizeof(struct in6_addr)];
    char *text, shown[INET6_ADDRSTRLEN];

    if (ip.n > 1 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']')
        ip = (struct str){ip.p + 1, ip.n - 2};
    text = arena_strndup(a, ip.p, ip.n);
    if (!text)
        return err_nomem(e);
    if (text[0] && inet_pton(AF_INET, text, raw) != 1) {
        if (inet_pton(AF_INET6, text, raw) != 1 || !inet_ntop(AF_INET6, raw, shown, sizeof shown))
            return err_set(e, SHALE_INVALID, "invalid IP address: %.100s", text);
        text = arena_strdup(a, shown);
        if (!text)
            return err_nomem(e);
    }
    ret->ip = text;
    return 0;
}

static int add(struct arena *a, struct port_list *l, const struct port_pair *p, struct shale_err *e)
{
    struct port_pair *v;

    if (l->n > UINT16_MAX)
        return err_set(e, SHALE_LIMIT, "more than %d ports", UINT16_MAX + 1);
    v = arena_grow(a, l->v, l->n, &l->cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    l->v = v;
    l->v[l->n++] = *p;
    return 0;
}

static int read_parts(const char *text, struct arena *a, struct parts *p, struct shale_err *e)
{
    struct str s = str_of(text), inside, host = {"", 0}, ip = {"", 0};
    size_t at;
    int r = split_protocol(&s, &p->protocol, e);

    if (r < 0)
        return r;
    at = last_colon(s);
    inside = s;
    if (at != SIZE_MAX) {
        inside = (struct str){s.p + at + 1, s.n - at - 1};
        host = (struct str){s.p, at};
        at = last_colon(host);
        if (at != SIZE_MAX) {
            ip = (struct str){host.p, at};
            host = (struct str){host.p + at + 1, host.n - at - 1};
        } else if (host.n && host.p[0] == '[') {
            ip = host;
            host.n = 0;
        }
    }
    if (inside.n == 0)
        return err_set(e, SHALE_INVALID, "no port specified: %.200s<empty>", text);
    if (!range(inside, &p->inside_first, &p->inside_last) || (p->inside_first == 0 && !p->exposed))
        return err_set(e, SHALE_INVALID, "invalid containerPort: %.*s", (int)inside.n, inside.p);
    if (host.n && !range(host, &p->first, &p->last))
        return err_set(e, SHALE_INVALID, "invalid hostPort: %.*s", (int)host.n, host.p);
    return take_ip(ip, a, p, e);
}

static int take(const char *text, struct parts p, struct arena *a, struct port_list *l,
                struct shale_err *e)
{
    int r = strlen(text) < TEXT_BYTES
                ? read_parts(text, a, &p, e)
                : err_set(e, SHALE_LIMIT, "value of more than %d bytes", TEXT_BYTES);

    if (r < 0)
        return r;
    unsigned n_inside = (unsigned)(p.inside_last - p.inside_first) + 1;
    unsigned n_host = (unsigned)(p.last - p.first) + 1;
    if (p.first && n_inside > 1 && n_inside != n_host)
        return err_set(e, SHALE_INVALID,
                       "invalid ranges specified for container and host Ports: %u-%u and %u-%u",
                       p.inside_first, p.inside_last, p.first, p.last);
    for (unsigned i = 0; r >= 0 && i < n_inside; i++) {
        struct port_pair one = {.protocol = p.protocol,
                                .host_ip = p.ip,
                                .inside = (uint16_t)(p.inside_first + i),
                                .first = p.first,
                                .last = p.last};
        if (p.first && n_inside > 1)
            one.first = one.last = (uint16_t)(p.first + i);
        r = add(a, l, &one, e);
    }
    return r;
}

int port_publish(const char *text, struct arena *a, struct port_list *l, struct shale_err *e)
{
    int r = take(text, (struct parts){.ip = ""}, a, l, e);

    if (r >= 0 && l->n > PORT_MAX)
        r = err_set(e, SHALE_LIMIT, "more than %d published ports", PORT_MAX);
    return r;
}

int port_inside(const char *text, struct arena *a, struct port_list *l, struct shale_err *e)
{
    size_t n = strlen(text);
    const char *all = text;

    if (n > 1 && n < TEXT_BYTES && text[n - 1] == '/')
        all = arena_printf(a, "%stcp", text);
    return all ? take(all, (struct parts){.ip = "", .exposed = true}, a, l, e) : err_nomem(e);
}

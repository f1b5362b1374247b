/* SPDX-License-Identifier: Apache-2.0 */
#include "container/netfiles.h"

#include <fcntl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"

static const char own_hosts[] = "127.0.0.1\tlocalhost\n"
                                "::1\tlocalhost ip6-localhost ip6-loopback\n"
                                "fe00::\tip6-localnet\n"
                                "ff00::\tip6-mcastprefix\n"
                                "ff02::1\tip6-allnodes\n"
                                "ff02::2\tip6-allrouters\n";

/* In place, so that a container that runs sees it; nothing here has to survive a crash. */
static int put(int dir_fd, const char *name, const void *p, size_t n, struct shale_err *e)
{
    _cleanup_close_ int fd =
        sys_openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);

    if (fd < 0 || sys_write_all(fd, p, n) < 0)
        return err_sys(e, "write %s of the container", name);
    return 0;
}

static int put_copy(int dir_fd, const char *name, const char *from, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(NETFILES_MAX);

    (void)fs_read_file(AT_FDCWD, from, &b, NULL); /* a host without one: empty */
    return put(dir_fd, name, buf_str(&b), b.n, e);
}

/* ---- hosts ---- */

/* NULL: there is none. */
static const char *gateway_of(const struct endpoints *net, char text[IPV4_BYTES])
{
    return net && net->n ? ipv4_format(net->v[0].network.gateway, text) : NULL;
}

static void add_extra(struct buf *b, const struct conf *c, const struct endpoints *net)
{
    char text[IPV4_BYTES];
    const char *gateway = gateway_of(net, text);

    for (size_t i = 0; i < c->extra_hosts.n; i++) {
        const char *name = c->extra_hosts.v[i], *colon = strchr(name, ':');
        if (!colon)
            continue;
        const char *address = streq(colon + 1, RUN_HOST_GATEWAY) ? gateway : colon + 1;
        if (address)
            buf_addf(b, "%s\t%.*s\n", address, (int)(colon - name), name);
    }
}

/* With a domain also the whole name, first. */
static void add_own(struct buf *b, const char *address, const struct conf *c)
{
    const char *domain = c->domainname ? c->domainname : "";

    if (*domain)
        buf_addf(b, "%s\t%s.%s %s\n", address, c->hostname, domain, c->hostname);
    else
        buf_addf(b, "%s\t%s\n", address, c->hostname);
}

/* The host's own file serves a container in its network, unless something is to be added. */
static int write_hosts(int dir_fd, const struct conf *c, const struct endpoints *net,
                       struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(NETFILES_MAX);
    int r;

    if (streq(c->network, "host") && c->extra_hosts.n == 0)
        return put_copy(dir_fd, "hosts", "/etc/hosts", e);
    buf_add(&b, own_hosts, sizeof own_hosts - 1);
    add_extra(&b, c, net);
    for (size_t i = 0; net && i < net->n; i++) {
        char address[IPV4_BYTES], address6[IPV6_BYTES];
        add_own(&b, ipv4_format(net->v[i].address, address), c);
        if (net->v[i].network.ipv6)
            add_own(&b, ipv6_format(&net->v[i].address6, address6), c);
    }
    if (net && net->hosts)
        buf_adds(&b, net->hosts);
    r = buf_check(&b, e);
    return r < 0 ? r : put(dir_fd, "hosts", b.p, b.n, e);
}

static bool has_line(const char *lines, struct str line)
{
    struct str rest = str_of(lines), one;

    while (rest.n > 0 && str_split(&rest, '\n', &one))
        if (one.n == line.n && memcmp(one.p, line.p, one.n) == 0)
            return true;
    return false;
}

int netfiles_change_hosts(const char *dir, const char *was, const char *now, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf old = BUF_INIT(NETFILES_MAX), b = BUF_INIT(NETFILES_MAX);
    _cleanup_close_ int dir_fd = fs_open_dir(AT_FDCWD, dir, e);
    struct str rest, line;

    if (dir_fd < 0)
        return dir_fd;
    int r = fs_read_file(dir_fd, "hosts", &old, e);
    if (r < 0)
        return r;
    rest = (struct str){buf_str(&old), old.n};
    while (rest.n > 0 && str_split(&rest, '\n', &line))
        if (!has_line(was, line))
            buf_addf(&b, "%.*s\n", (int)line.n, line.p);
    buf_adds(&b, now);
    r = buf_check(&b, e);
    return r < 0 ? r : put(dir_fd, "hosts", buf_str(&b), b.n, e);
}

/* ---- resolv.conf ---- */

/* The words after `key` on a line of that file; n 0: another line. */
static struct str words_of(struct str line, struct str key)
{
    line = str_trim(line);
    if (line.n <= key.n || memcmp(line.p, key.p, key.n) != 0 ||
        (line.p[key.n] != ' ' && line.p[key.n] != '\t'))
        return (struct str){"", 0};
    return str_trim((struct str){line.p + key.n, line.n - key.n});
}

/* What the options say goes for a key; where they are silent the host's lines stay. */
static void add_host_lines(struct buf *b, struct str host, struct str key)
{
    struct str line;

    while (host.n > 0 && str_split(&host, '\n', &line)) {
        struct str words = words_of(line, key);
        if (words.n > 0)
            buf_addf(b, "%.*s %.*s\n", (int)key.n, key.p, (int)words.n, words.p);
    }
}

static void add_joined(struct buf *b, const char *key, const struct strv *words)
{
    buf_addf(b, "%s", key);
    for (size_t i = 0; i < words->n; i++)
        buf_addf(b, " %s", words->v[i]);
    buf_addf(b, "\n");
}

/* Addresses of this host's loopback mean the container itself inside of it. */
static bool is_loopback(struct str words)
{
    return (words.n > 4 && memcmp(words.p, "127.", 4) == 0) || str_eq(words, STR("::1"));
}

static void add_servers(struct buf *b, struct str host)
{
    struct str line;

    while (host.n > 0 && str_split(&host, '\n', &line)) {
        struct str words = words_of(line, STR("nameserver"));
        if (words.n > 0 && !is_loopback(words))
            buf_addf(b, "nameserver %.*s\n", (int)words.n, words.p);
    }
}

/* Networks that resolve names do so for everything, at their gateways. Returns how many. */
static size_t add_resolvers(struct buf *b, const struct endpoints *net)
{
    size_t n = 0;

    for (size_t i = 0; i < net->n; i++) {
        char gateway[IPV4_BYTES];
        if (!net->v[i].network.resolves)
            continue;
        buf_addf(b, "nameserver %s\n", ipv4_format(net->v[i].network.gateway, gateway));
        n++;
    }
    return n;
}

/* On a bridge: its resolvers; without any those asked for, or this host's that can be reached. */
static void add_bridge_servers(struct buf *b, const struct conf *c, const struct endpoints *net,
                               struct str host)
{
    _cleanup_(buf_clear) struct buf other = BUF_INIT(NETFILES_MAX);
    size_t before;

    if (add_resolvers(b, net))
        return;
    for (size_t i = 0; i < c->dns.n; i++)
        buf_addf(b, "nameserver %s\n", c->dns.v[i]);
    before = b->n;
    if (c->dns.n == 0)
        add_servers(b, host);
    if (c->dns.n || b->n > before)
        return;
    (void)fs_read_file(AT_FDCWD, "/run/systemd/resolve/resolv.conf", &other, NULL);
    add_servers(b, (struct str){buf_str(&other), other.n});
}

static int write_resolv(int dir_fd, const struct conf *c, const struct endpoints *net,
                        struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(NETFILES_MAX);
    _cleanup_(buf_clear) struct buf text = BUF_INIT(NETFILES_MAX);
    int r;

    const char *resolver = net ? net->resolver : NULL;

    if (c->dns.n + c->dns_options.n + c->dns_search.n == 0 && !(net && net->n) && !resolver)
        return put_copy(dir_fd, "resolv.conf", "/etc/resolv.conf", e);
    (void)fs_read_file(AT_FDCWD, "/etc/resolv.conf", &text, NULL); /* a host without one: empty */
    struct str host = {buf_str(&text), text.n};
    if (c->dns_search.n == 0)
        add_host_lines(&b, host, STR("search"));
    else if (c->dns_search.n > 1 || !streq(c->dns_search.v[0], "."))
        add_joined(&b, "search", &c->dns_search);
    for (size_t i = 0; i < c->dns.n && !(net && net->n); i++)
        buf_addf(&b, "nameserver %s\n", c->dns.v[i]);
    if (net && net->n)
        add_bridge_servers(&b, c, net, host);
    else if (c->dns.n == 0 && resolver)
        buf_addf(&b, "nameserver %s\n", resolver);
    else if (c->dns.n == 0)
        add_host_lines(&b, host, STR("nameserver"));
    if (c->dns_options.n == 0)
        add_host_lines(&b, host, STR("options"));
    else
        add_joined(&b, "options", &c->dns_options);
    r = buf_check(&b, e);
    return r < 0 ? r : put(dir_fd, "resolv.conf", buf_str(&b), b.n, e);
}

/* Of the container whose network this one has. */
static int write_joined(int dir_fd, const char *from, struct shale_err *e)
{
    static const char *const names[] = {"hostname", "hosts", "resolv.conf"};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(names); i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", from, names[i]);
        r = put_copy(dir_fd, names[i], path, e);
    }
    return r;
}

int netfiles_write(const char *dir, const struct conf *c, const struct endpoints *net,
                   struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(NETFILES_MAX);
    _cleanup_close_ int dir_fd = fs_open_dir(AT_FDCWD, dir, e);
    int r;

    if (dir_fd < 0)
        return dir_fd;
    if (net && net->joined_dir)
        return write_joined(dir_fd, net->joined_dir, e);
    buf_addf(&b, "%s\n", c->hostname);
    r = buf_check(&b, e);
    if (r >= 0)
        r = put(dir_fd, "hostname", b.p, b.n, e);
    if (r >= 0)
        r = write_resolv(dir_fd, c, net, e);
    return r < 0 ? r : write_hosts(dir_fd, c, net, e);
}

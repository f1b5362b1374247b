/* SPDX-License-Identifier: Apache-2.0 */
#include "http/proxy.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "http/http.h"

#define HOST_MAX 256

/* ---- addresses ---- */

/* Without the brackets of IPv6. false: too long to be anything. */
static bool bare_host(const char *host, char ret[HOST_MAX])
{
    if (*host == '[')
        host++;
    size_t n = strcspn(host, "]");
    return snprintf(ret, HOST_MAX, "%.*s", (int)(n < HOST_MAX ? n : HOST_MAX), host) < HOST_MAX;
}

bool http_is_loopback(const char *host)
{
    char bare[HOST_MAX];
    struct in_addr v4;
    struct in6_addr v6;

    if (str_ieq(host, "localhost") || str_has_suffix(host, ".localhost"))
        return true;
    if (!bare_host(host, bare))
        return false;
    if (inet_pton(AF_INET, bare, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, bare, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

bool http_in_cidr(const char *host, const char *cidr)
{
    unsigned char addr[16], net[16];
    char text[64], bare[HOST_MAX];
    const char *slash = strchr(cidr, '/');
    uint64_t bits;

    if (!slash || (size_t)(slash - cidr) >= sizeof text || !str_to_u64(slash + 1, &bits) ||
        !bare_host(host, bare))
        return false;
    snprintf(text, sizeof text, "%.*s", (int)(slash - cidr), cidr);
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, net) != 1 || inet_pton(family, bare, addr) != 1 ||
        bits > (family == AF_INET6 ? 128u : 32u))
        return false;
    size_t whole = bits / 8, rest = bits % 8;
    if (memcmp(addr, net, whole) != 0)
        return false;
    return rest == 0 || (addr[whole] ^ net[whole]) >> (8 - rest) == 0;
}

/* ---- $NO_PROXY ---- */

/* Splits "host:port" and "[v6]:port"; a bare IPv6 address has no port. */
static void split_port(char *entry, const char **ret_port)
{
    char *colon = strrchr(entry, ':'), *end = strchr(entry, ']');

    *ret_port = NULL;
    if (!colon || (end ? colon < end : strchr(entry, ':') != colon))
        return;
    *colon = 0;
    *ret_port = colon + 1;
}

static bool names_host(const char *entry, const char *host)
{
    char bare[HOST_MAX];
    size_t n, h = strlen(host);

    if (!bare_host(entry, bare))
        return false;
    const char *name = str_has_prefix(bare, "*.") ? bare + 1 : bare;
    n = strlen(name);
    if (*name == '.')
        return h > n && strcasecmp(host + h - n, name) == 0;
    return str_ieq(host, name) ||
           (h > n && host[h - n - 1] == '.' && strcasecmp(host + h - n, name) == 0);
}

static bool entry_matches(char *entry, const char *host, const char *port)
{
    const char *only;

    if (streq(entry, "*"))
        return true;
    if (strchr(entry, '/'))
        return http_in_cidr(host, entry);
    split_port(entry, &only);
    return *entry && (!only || streq(only, port)) && names_host(entry, host);
}

static bool is_excluded(const char *list, const char *host, const char *port)
{
    char entry[HOST_MAX];

    while (*list) {
        size_t n = strcspn(list, ",");
        struct str s = str_trim((struct str){list, n});
        if (s.n > 0 && s.n < sizeof entry) {
            snprintf(entry, sizeof entry, "%.*s", (int)s.n, s.p);
            if (entry_matches(entry, host, port))
                return true;
        }
        list += n + (list[n] == ',');
    }
    return false;
}

/* ---- the choice ---- */

static const char *either(const char *upper, const char *lower)
{
    const char *v = getenv(upper);

    if (!v || !*v)
        v = getenv(lower);
    return v ? v : "";
}

const char *http_proxy_for(const char *scheme, const char *host, const char *port)
{
    char bare[HOST_MAX];

    if (http_is_loopback(host) || !bare_host(host, bare) ||
        is_excluded(either("NO_PROXY", "no_proxy"), bare, port))
        return "";
    return str_ieq(scheme, "https") ? either("HTTPS_PROXY", "https_proxy")
                                    : either("HTTP_PROXY", "http_proxy");
}

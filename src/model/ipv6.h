/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* IPv6 addresses and networks (RFC 4291) as text, shown as in RFC 5952. Pure. */
#include <stdbool.h>
#include <stdint.h>

#define IPV6_BYTES     46 /* of a text, with NUL */
#define IPV6_NET_BYTES 50

struct ipv6 {
    uint8_t b[16]; /* as on the wire */
};
struct ipv6_net {
    struct ipv6 address; /* its first one */
    unsigned bits;
};

bool ipv6_parse(const char *text, struct ipv6 *ret); /* "fd00::1", nothing else */
char *ipv6_format(const struct ipv6 *address, char ret[IPV6_BYTES]);
bool ipv6_eq(const struct ipv6 *a, const struct ipv6 *b);
/* "fd00::1/64"; bits of the host are dropped. */
bool ipv6_net_parse(const char *text, struct ipv6_net *ret);
char *ipv6_net_format(const struct ipv6_net *net, char ret[IPV6_NET_BYTES]);
bool ipv6_net_has(const struct ipv6_net *net, const struct ipv6 *address);
bool ipv6_net_overlaps(const struct ipv6_net *a, const struct ipv6_net *b);
/* The n-th address after the first one; net has room for it. */
struct ipv6 ipv6_net_at(const struct ipv6_net *net, uint32_t n);

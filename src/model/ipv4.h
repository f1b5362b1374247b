/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* IPv4 addresses and networks (RFC 4632) as text and as numbers in the order of this machine. Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#define IPV4_BYTES     16 /* "255.255.255.255" and NUL */
#define IPV4_NET_BYTES 20

struct ipv4_net {
    uint32_t address; /* its first one */
    unsigned bits;
};

bool ipv4_parse(const char *text, uint32_t *ret); /* "10.1.2.3", nothing else */
char *ipv4_format(uint32_t address, char ret[IPV4_BYTES]);
/* "10.1.2.3/24"; bits of the host are dropped. */
bool ipv4_net_parse(const char *text, struct ipv4_net *ret);
char *ipv4_net_format(const struct ipv4_net *net, char ret[IPV4_NET_BYTES]);
uint32_t ipv4_net_last(const struct ipv4_net *net); /* broadcast address */
bool ipv4_net_has(const struct ipv4_net *net, uint32_t address);
bool ipv4_net_overlaps(const struct ipv4_net *a, const struct ipv4_net *b);

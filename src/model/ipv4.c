/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ipv4.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

bool ipv4_parse(const char *text, uint32_t *ret)
{
    struct in_addr a;

    if (inet_pton(AF_INET, text, &a) != 1)
        return false;
    *ret = ntohl(a.s_addr);
    return true;
}

char *ipv4_format(uint32_t address, char ret[IPV4_BYTES])
{
    (void)snprintf(ret, IPV4_BYTES, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                   address >> 8 & 255, address & 255);
    return ret;
}

static uint32_t mask(unsigned bits)
{
    return bits ? UINT32_MAX << (32 - bits) : 0;
}

bool ipv4_net_parse(const char *text, struct ipv4_net *ret)
{
    const char *slash = strchr(text, '/');
    char address[IPV4_BYTES];
    uint64_t bits;
    uint32_t a;

    if (!slash || (size_t)(slash - text) >= sizeof address || !str_to_u64(slash + 1, &bits) ||
        bits > 32)
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = 0;
    if (!ipv4_parse(address, &a))
        return false;
    *ret = (struct ipv4_net){a & mask((unsigned)bits), (unsigned)bits};
    return true;
}

char *ipv4_net_format(const struct ipv4_net *net, char ret[IPV4_NET_BYTES])
{
    char address[IPV4_BYTES];

    (void)snprintf(ret, IPV4_NET_BYTES, "%s/%u", ipv4_format(net->address, address),
                   net->bits > 32 ? 32 : net->bits);
    return ret;
}

uint32_t ipv4_net_last(const struct ipv4_net *net)
{
    return net->address | ~mask(net->bits);
}

bool ipv4_net_has(const struct ipv4_net *net, uint32_t address)
{
    return (address & mask(net->bits)) == net->address;
}

bool ipv4_net_overlaps(const struct ipv4_net *a, const struct ipv4_net *b)
{
    return ipv4_net_has(a, b->address) || ipv4_net_has(b, a->address);
}

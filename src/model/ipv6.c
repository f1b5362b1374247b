/* SPDX-License-Identifier: Apache-2.0 */
#include "model/ipv6.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define BITS_MAX 128

bool ipv6_parse(const char *text, struct ipv6 *ret)
{
    return inet_pton(AF_INET6, text, ret->b) == 1;
}

char *ipv6_format(const struct ipv6 *address, char ret[IPV6_BYTES])
{
    if (!inet_ntop(AF_INET6, address->b, ret, IPV6_BYTES))
        ret[0] = 0;
    return ret;
}

bool ipv6_eq(const struct ipv6 *a, const struct ipv6 *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static struct ipv6 masked(const struct ipv6 *a, unsigned bits)
{
    struct ipv6 r = *a;

    for (unsigned i = 0; i < sizeof r.b; i++) {
        unsigned left = bits > i * 8 ? bits - i * 8 : 0;
        if (left < 8)
            r.b[i] &= (uint8_t)(0xff00u >> left);
    }
    return r;
}

bool ipv6_net_parse(const char *text, struct ipv6_net *ret)
{
    const char *slash = strchr(text, '/');
    char address[IPV6_BYTES];
    struct ipv6 a;
    uint64_t bits;

    if (!slash || (size_t)(slash - text) >= sizeof address || !str_to_u64(slash + 1, &bits) ||
        bits > BITS_MAX)
        return false;
    memcpy(address, text, (size_t)(slash - text));
    address[slash - text] = 0;
    if (!ipv6_parse(address, &a))
        return false;
    *ret = (struct ipv6_net){masked(&a, (unsigned)bits), (unsigned)bits};
    return true;
}

char *ipv6_net_format(const struct ipv6_net *net, char ret[IPV6_NET_BYTES])
{
    char address[IPV6_BYTES];

    (void)snprintf(ret, IPV6_NET_BYTES, "%s/%u", ipv6_format(&net->address, address),
                   net->bits > BITS_MAX ? BITS_MAX : net->bits);
    return ret;
}

bool ipv6_net_has(const struct ipv6_net *net, const struct ipv6 *address)
{
    struct ipv6 first = masked(address, net->bits);

    return ipv6_eq(&first, &net->address);
}

bool ipv6_net_overlaps(const struct ipv6_net *a, const struct ipv6_net *b)
{
    return ipv6_net_has(a, &b->address) || ipv6_net_has(b, &a->address);
}

struct ipv6 ipv6_net_at(const struct ipv6_net *net, uint32_t n)
{
    struct ipv6 r = net->address;
    uint64_t carry = n;

    for (size_t i = sizeof r.b; i-- > 0 && carry;) {
        carry += r.b[i];
        r.b[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return r;
}

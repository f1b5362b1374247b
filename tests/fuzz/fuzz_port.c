/* SPDX-License-Identifier: Apache-2.0 */
/* Values of --publish and --expose, and networks; what is read is what it says when written again.
 */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/ipv4.h"
#include "model/port.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pair(const struct port_pair *p)
{
    if (p->inside == 0 || p->first > p->last || !p->host_ip || !p->protocol)
        __builtin_trap();
}

static void check_net(const char *text)
{
    struct ipv4_net net, again;
    char shown[IPV4_NET_BYTES];

    if (!ipv4_net_parse(text, &net))
        return;
    if (!ipv4_net_parse(ipv4_net_format(&net, shown), &again) || again.address != net.address ||
        again.bits != net.bits || !ipv4_net_has(&net, ipv4_net_last(&net)))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(16 << 20);
    char *text = arena_strndup(&a, (const char *)data, size);
    struct port_list l = {.v = NULL};
    struct port_range range = {NULL, 0, 0};

    if (!text)
        return 0;
    if (port_publish(text, &a, &l, NULL) >= 0 && l.n == 0)
        __builtin_trap();
    for (size_t i = 0; i < l.n; i++)
        check_pair(&l.v[i]);
    if (port_expose(text, &range, NULL) >= 0 &&
        (range.first == 0 || range.first > range.last || !range.protocol))
        __builtin_trap();
    check_net(text);
    return 0;
}

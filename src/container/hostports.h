/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Ports of this host for those of a container. A port is a row (what other containers must not
 * take) and a socket, bound and held by whoever watches the container, which keeps other programs
 * off it: the packets themselves never reach the socket. Sockets of IPv6 addresses are handed to
 * the process that carries what reaches them (portproxy.h).
 *
 * A port of no address in particular is one of "" (every IPv4 address) and one of "::" (every IPv6
 * address), as far as this host has IPv6.
 */
#include "container/ctr.h"
#include "meta/meta_network.h"

#define HOSTPORTS_HELD    256 /* at most so many sockets; ports above that are rows only */
#define HOSTPORTS_CARRIED 640 /* of IPv6 addresses: more are an error. Both fit into 1024 files */
#define HOSTPORTS_ANY6    "::"

struct hostports_carried {
    const char *protocol;
    uint16_t inside;
    int fd;
};

struct hostports {
    struct meta_port *v; /* by port inside */
    size_t n;
    int fds[HOSTPORTS_HELD + 1]; /* ends with -1 */
    size_t n_fds;
    struct hostports_carried carried[HOSTPORTS_CARRIED];
    size_t n_carried;
};
void hostports_close(struct hostports *p);
/* All that the container publishes, as rows for `network`. NETWORK_LOCK held. CONFLICT when one is
 * taken; rows that were made stay, for meta_endpoint_delete. */
int hostports_take(struct container_host *h, struct arena *a, const struct ctr *c,
                   const char *network, struct hostports *ret, struct shale_err *e);

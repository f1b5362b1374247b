/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a container that runs has of networks: its namespace, an address on each network, ports of
 * this host. Made before its process starts, undone when it has ended.
 *
 * Files: containers/<id>/netns (the namespace, mounted) and, for each network, net-<12
 * digits>.json: what netavark was told, written before it is called, so that whoever comes next can
 * undo it.
 */
#include "container/hostports.h"
#include "container/network.h"

struct endpoint {
    struct network network;
    uint32_t address;
    struct ipv6 address6; /* of a network with IPv6 */
};
struct endpoints {
    const char *netns; /* path for the specification; NULL: the runtime makes one */
    struct endpoint *v;
    size_t n;
    struct hostports ports;
    const char *hosts;      /* further lines of /etc/hosts; NULL: none */
    const char *resolver;   /* of names, in place of this host's; NULL: none */
    const char *joined_dir; /* --network container: the folder of that one */
};

/* Container's lock held. *ret is made of nothing first; what was made is undone by
 * endpoints_teardown, also when it fails; the sockets by endpoints_close. */
int endpoints_setup(struct container_host *h, struct arena *a, struct ctr *c, struct endpoints *ret,
                    struct shale_err *e);
void endpoints_close(struct endpoints *p);
/* Harmless where there is nothing. */
void endpoints_teardown(struct container_host *h, struct arena *a, const struct ctr *c);
/* What a running container has: rows and networks. */
int endpoints_load(struct container_host *h, struct arena *a, const struct ctr *c,
                   struct endpoints *ret, struct shale_err *e);
/* One network more, or less, of a container that runs (NETWORK_LOCK held). */
int endpoints_add(struct container_host *h, struct arena *a, const struct ctr *c,
                  const struct conf_network *n, unsigned number, struct endpoint *ret,
                  struct shale_err *e);
/* After an endpoints_add that failed: what netavark did it has undone itself. */
void endpoints_forget(struct container_host *h, struct arena *a, const struct ctr *c,
                      const char *network);
void endpoints_remove(struct container_host *h, struct arena *a, const struct ctr *c,
                      const char *network);

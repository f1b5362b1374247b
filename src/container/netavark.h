/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * netavark (and aardvark-dns, which it starts): connects a network namespace to a bridge, with
 * addresses, routes, firewall rules for what is published, and names. One network at a time, so
 * that each can be undone by itself.
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "container/network.h"

struct netavark {
    const char *path, *aardvark; /* aardvark "": not installed */
    const char *firewall;        /* "iptables", "nftables" */
    const char *dir;             /* of its files, for this store */
};
/* Held, after NETWORK_LOCK, from choosing a subnet until its bridge is there, and while one goes:
 * stores of one host share its routes and rules. A descriptor, or -code. */
int netavark_host_lock(struct arena *a, struct cancel *c, struct shale_err *e);
/* What netavark knows a network as. Chains of the firewall and files of the resolver are called
 * after it. Every store has a "bridge": with some of the ID, they are its own. Returns ret. */
#define NETAVARK_NAME_BYTES 200
const char *netavark_name(const struct network *n, char ret[NETAVARK_NAME_BYTES]);
/* UNSUPPORTED, saying what to install. */
int netavark_find(struct container_host *h, struct arena *a, struct netavark *ret,
                  struct shale_err *e);

struct netavark_port {
    const char *protocol, *host_ip;
    uint16_t inside, host;
};
struct netavark_in { /* one container on one network */
    const char *container_id, *container_name;
    const struct network *network;
    unsigned number; /* of the interface inside: 0 is eth0 */
    uint32_t address;
    struct ipv6 address6; /* where the network has IPv6 */
    const char *mac;      /* NULL, "": made of the address */
    struct strv names;    /* besides the container's */
    struct strv dns;      /* servers for names that are not containers' */
    const struct netavark_port *ports;
    size_t n_ports;
};
/* The document that setup and teardown take, compact. */
int netavark_input(const struct netavark_in *in, struct arena *a, char **ret, struct shale_err *e);
/* As long as the descriptor is open, nobody calls it. IN_USE: it has been running for long. */
int netavark_turn(const struct netavark *n, struct arena *a, struct shale_err *e);
/* verb "setup" or "teardown". */
int netavark_call(const struct netavark *n, const char *verb, const char *netns, const char *input,
                  struct arena *a, struct shale_err *e);

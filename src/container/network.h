/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Networks: the functions of <shale/network.h>, one to one; see container.h for the rules.
 *
 * A row says what a network is; its bridge is made by netavark when the first container comes and
 * goes with the last one. Whoever changes what containers have of networks, or removes a network,
 * holds NETWORK_LOCK (inside of a container's lock, never around it).
 */
#include <shale/network.h>

#include "base/json.h"
#include "container/container.h"
#include "meta/meta_network.h"
#include "model/ipv4.h"
#include "model/ipv6.h"

#define NETWORK_LOCK    "locks/network"
#define NETWORK_BRIDGE  "bridge" /* the one of those who ask for none; and a driver */
#define NETWORK_MACVLAN "macvlan"

struct network {
    struct meta_network row;
    struct ipv4_net subnet;
    struct ipv4_net range; /* where addresses are taken from; bits 0: all of the subnet */
    uint32_t gateway;
    /* With IPv6: a container's address there has the place in subnet6 that the other one has in
     * subnet. */
    bool ipv6;
    struct ipv6_net subnet6;
    struct ipv6 gateway6;
    const char *bridge; /* name of the interface; of macvlan: the one of this host it is on */
    bool connects;      /* containers have addresses on it: a bridge, or macvlan */
    bool macvlan;
    bool resolves; /* names of its containers */
    bool builtin, internal, attachable;
    bool chosen; /* the subnet was not asked for */
    struct strmap labels, options, aux;
};

int network_find(struct container_host *h, const char *text, struct arena *a, struct network *ret,
                 struct shale_err *e);
/* Before the first container comes: a subnet that was chosen here and that something else on this
 * host has taken since is chosen again; CONFLICT where that cannot be. NETWORK_LOCK held. */
int network_settle(struct container_host *h, struct network *n, struct arena *a,
                   struct shale_err *e);
/* The lowest address that nobody has; -SHALE_LIMIT: none is left. */
int network_free_address(struct container_host *h, const struct network *n, struct arena *a,
                         uint32_t *ret, struct shale_err *e);
/* Can a container ask for that address? */
int network_check_address(const struct network *n, const char *text, uint32_t *ret,
                          struct shale_err *e);
int network_check_address6(const struct network *n, const char *text, struct ipv6 *ret,
                           struct shale_err *e);
/* The other address of a container, on a network with IPv6: what it asked for, or ("", NULL) the
 * counterpart of the first one. */
struct ipv6 network_address6(const struct network *n, uint32_t address, const char *asked);
/* EXISTS: another container than that one has it, by whichever way. */
int network_claim_address6(struct container_host *h, const struct network *n,
                           const struct ipv6 *address, const char *container, struct arena *a,
                           struct shale_err *e);
/* As docker makes them: 02:42 and the address. 18 bytes. */
char *network_mac(uint32_t address, char ret[18]);

int network_create(struct container_host *h, const struct shale_network_create_opts *o,
                   struct arena *a, struct shale_network *ret, struct shale_err *e);
int network_ls(struct container_host *h, const struct shale_network_ls_opts *o, struct arena *a,
               struct shale_network_list *ret, struct shale_err *e);
int network_inspect(struct container_host *h, const char *network, struct arena *a,
                    struct shale_network *ret, struct shale_err *e);
int network_rm(struct container_host *h, const char *network, struct shale_err *e);
int network_prune(struct container_host *h, const struct shale_network_prune_opts *o,
                  struct arena *a, struct shale_network_pruned *ret, struct shale_err *e);
int network_connect(struct container_host *h, const char *network, const char *container,
                    const struct shale_network_connect_opts *o, struct shale_err *e);
int network_disconnect(struct container_host *h, const char *network, const char *container,
                       struct shale_err *e);

/* ---- for the parts of it ---- */

/* Rows, with the three that are always there. */
int network_rows(struct container_host *h, struct arena *a, struct meta_network **ret,
                 size_t *ret_n, struct shale_err *e);
/* The text of a row. */
int network_config(const struct network *n, struct arena *a, char **ret, struct shale_err *e);
int network_of_row(const struct meta_network *row, struct arena *a, struct network *ret,
                   struct shale_err *e);
/* A subnet that no network of the store has and that this host has no route to. */
int network_free_subnet(struct container_host *h, struct arena *a, struct ipv4_net *ret,
                        struct shale_err *e);
bool network_overlaps6(const struct meta_network *rows, size_t n, const struct ipv6_net *net,
                       struct arena *a);
bool network_overlaps(const struct meta_network *rows, size_t n, const struct ipv4_net *net,
                      struct arena *a);

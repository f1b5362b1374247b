/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Rows of networks; of endpoints: which addresses containers that run have on them; and of the
 * ports of this host that they have taken. See meta.h for rules that hold for all functions.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct meta;

#define META_NETWORK_ID_HEX 64

struct meta_network {
    const char *id, *name;
    const char *driver; /* "bridge", "macvlan", "host", "null" */
    int64_t created_ns;
    const char *config; /* JSON text: everything else, of container/ */
};
/* EXISTS when the name is taken. */
int meta_network_add(struct meta *m, const struct meta_network *n, struct shale_err *e);
/* By full ID, name, unique prefix of the ID. NOT_FOUND "network x not found"; INVALID "network x is
 * ambiguous (2 matches found based on ID prefix)". */
int meta_network_find(struct meta *m, const char *text, struct arena *a, struct meta_network *ret,
                      struct shale_err *e);
int meta_network_set_config(struct meta *m, const char *id, const char *config,
                            struct shale_err *e);
int meta_network_list(struct meta *m, struct arena *a, struct meta_network **ret, size_t *ret_n,
                      struct shale_err *e); /* by name */
/* IN_USE while it has endpoints. Missing is success. */
int meta_network_delete(struct meta *m, const char *id, struct shale_err *e);

struct meta_endpoint {
    const char *container, *network; /* IDs */
    const char *id;
    uint32_t address;
    const char *address6; /* where it is not the counterpart of address; NULL or "": it is */
};
/* EXISTS: the address is another container's. */
int meta_endpoint_add(struct meta *m, const struct meta_endpoint *p, struct shale_err *e);
/* Of a container, of a network, or both where not NULL; by address. */
int meta_endpoint_list(struct meta *m, const char *container, const char *network, struct arena *a,
                       struct meta_endpoint **ret, size_t *ret_n, struct shale_err *e);
/* One, or with network NULL all of the container with its ports. Missing is success. */
int meta_endpoint_delete(struct meta *m, const char *container, const char *network,
                         struct shale_err *e);

struct meta_port {
    const char *container, *network;
    const char *protocol, *host_ip; /* host_ip "": all of IPv4, "::": all of IPv6 */
    uint16_t inside, host;
};
int meta_port_add(struct meta *m, const struct meta_port *p, struct shale_err *e);
/* Of a container (NULL: all), by port inside. */
int meta_port_list(struct meta *m, const char *container, struct arena *a, struct meta_port **ret,
                   size_t *ret_n, struct shale_err *e);
/* Who has that port of the host, on that address or where one of both is every address of its kind?
 * 1, or 0 nobody. */
int meta_port_holder(struct meta *m, const char *protocol, const char *host_ip, uint16_t host,
                     struct arena *a, const char **ret, struct shale_err *e);

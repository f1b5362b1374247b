/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Networks as a list, as `network inspect` shows one, and the ports of containers. */
#include <jansson.h>
#include <shale/container.h>
#include <shale/network.h>

#include "base/buf.h"

struct networks_opts {
    const char *format; /* --format; NULL: the table */
    bool quiet, no_trunc;
    bool printable; /* see view/list.h */
};
int networks_print(const struct shale_network_list *networks, const struct networks_opts *o,
                   struct buf *out, struct shale_err *e);
/* A new reference; -SHALE_NO_MEMORY, -SHALE_CORRUPT. */
int doc_network(const struct shale_network *n, json_t **ret, struct shale_err *e);
/* The column PORTS: "80/tcp, 0.0.0.0:8080->80/tcp", neighbours as a range. */
void networks_put_ports(const struct shale_container *c, struct buf *b);
/* NetworkSettings of a container. NULL: failed. */
json_t *networks_settings(const struct shale_container *c);
/* Its member Networks: those that the container has joined. NULL: failed. */
json_t *networks_joined(const struct shale_container *c);

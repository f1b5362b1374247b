/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Links: a container knows others under further names, which are lines of its /etc/hosts.
 *
 * On the bridge a link is to a container (its ID), which has to run when the other one starts. On
 * other networks it is to a name, whoever has it. While a container with links starts or runs there
 * is a file links/<id> with those lines: whoever starts, or goes on or off a network, looks there
 * for those who know it, and changes the lines in their hosts. All of that happens under
 * NETWORK_LOCK.
 */
#include "container/endpoint.h"

/* Writes the network files of a container that is started, or runs, with its links as they are now,
 * and has it told of changes from then on. Without links: the files alone. CONFLICT: "Cannot link
 * to a non running container". */
int links_write(struct container_host *h, struct arena *a, const struct ctr *c,
                struct endpoints *net, struct shale_err *e);
/* The container has other addresses than before: those who know it are told. */
void links_tell(struct container_host *h, const struct ctr *c);
/* It has ended. */
void links_undo(struct container_host *h, const struct ctr *c);
/* HostConfig.Links as docker shows those of the bridge: "/name:/own/alias". A new reference; NULL:
 * there are none of the kind. */
int links_show(struct container_host *h, struct arena *a, const struct ctr *c, json_t **ret,
               struct shale_err *e);

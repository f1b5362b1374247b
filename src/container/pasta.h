/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* pasta: the network of containers of an ordinary user. It carries what the container sends through
 * sockets of this host, and listens on the published ports: nobody has to be root for that. */
#include "container/hostports.h"

#define PASTA_MODE "pasta" /* of --network */

/* For the namespace that is mounted at netns. Where it is not installed slirp4netns does it
 * (slirp.h); UNSUPPORTED: neither is. *ret_resolver: where names are resolved then; NULL: as on
 * this host. */
int pasta_start(const struct ctr *c, const char *netns, const struct hostports *ports,
                struct arena *a, const char **ret_resolver, struct shale_err *e);
/* Harmless when it does not run. */
void pasta_stop(const struct ctr *c, struct arena *a);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* slirp4netns: what pasta is (pasta.h), where pasta is not installed. The container has an address
 * of its own in 10.0.2.0/24; names are resolved at SLIRP_RESOLVER. */
#include "container/hostports.h"

#define SLIRP_RESOLVER "10.0.2.3"

/* For the namespace that is mounted at netns; returns when it works. -SHALE_NOT_FOUND: it is not
 * installed. */
int slirp_start(const struct ctr *c, const char *netns, const struct hostports *ports,
                struct arena *a, struct shale_err *e);
/* Harmless when it does not run. */
void slirp_stop(const struct ctr *c, struct arena *a);

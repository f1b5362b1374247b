/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The names that aardvark-dns answers for. netavark writes them when it connects a container, in
 * <folder of netavark>/aardvark-dns/<network>: a line of gateways, then a line for each container,
 * "ID IPv4 IPv6 NAMES [SERVERS]", lists with commas, the container's name the first of its names.
 * netavark knows no way to change a name, so it is changed there, and the daemon is told to read
 * again. Nobody else calls netavark meanwhile (NETWORK_LOCK, and its own lock).
 */
#include "base/buf.h"
#include "container/ctr.h"

/* A container that runs is known by its present name on its networks. Takes its lock. */
int resolver_rename(struct container_host *h, struct arena *a, const struct ctr *c,
                    struct shale_err *e);
/* The text of such a file with this name for the container; false: it is as it was. */
bool resolver_edit(const char *text, const char *id, const char *name, struct buf *out);

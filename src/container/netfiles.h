/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* /etc/hostname, hosts and resolv.conf of a container, written into its folder at every start. */
#include "base/err.h"
#include "container/conf.h"
#include "container/endpoint.h"

#define NETFILES_MAX (1u << 20)

/* `net` as endpoints_setup has made it; NULL: no network. */
int netfiles_write(const char *dir, const struct conf *c, const struct endpoints *net,
                   struct shale_err *e);

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
/* Of one that may run: in its hosts the lines `was` go and `now` are added; all others stay. */
int netfiles_change_hosts(const char *dir, const char *was, const char *now, struct shale_err *e);

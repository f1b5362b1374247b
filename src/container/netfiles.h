/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* /etc/hostname, hosts and resolv.conf of a container, written into its folder at every start. */
#include "base/err.h"
#include "container/conf.h"

#define NETFILES_MAX (1u << 20)

int netfiles_write(const char *dir, const struct conf *c, struct shale_err *e);

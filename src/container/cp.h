/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* `cp`: files between a container and this host, for the functions of <shale/cp.h>. */
#include <shale/cp.h>

#include "container/container.h"

int container_cp_out(struct container_host *h, const char *container, const char *path,
                     const char *to, const struct shale_cp_opts *o, struct arena *a,
                     struct shale_cp_result *ret, struct shale_err *e);
int container_cp_in(struct container_host *h, const char *from, const char *container,
                    const char *path, const struct shale_cp_opts *o, struct arena *a,
                    struct shale_cp_result *ret, struct shale_err *e);
int container_cp_stat(struct container_host *h, const char *container, const char *path,
                      struct arena *a, struct shale_cp_stat *ret, struct shale_err *e);

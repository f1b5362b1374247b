/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The function of <shale/stats.h>; see container.h for the rules. */
#include <shale/stats.h>

#include "container/container.h"

int container_stats(struct container_host *h, const struct shale_stats_opts *o,
                    struct shale_err *e);

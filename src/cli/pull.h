/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Pulling with progress, for pull, run and create. */
#include <shale/image.h>

#include "cli/cli.h"

struct pull_request {
    const char *ref, *platform;
    bool all_tags, quiet;
    int fd; /* where progress goes */
    bool all_platforms;
};
/* 0 and the result for shale_free, or -code. */
int cli_pull(struct cli *c, const struct pull_request *q, struct shale_pull_result **ret);

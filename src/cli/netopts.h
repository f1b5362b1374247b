/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --network, --ip, --network-alias, --publish and --expose of run and create. */
#include "cli/create.h"

/* What cannot be read, or does not go together. As create_check. */
int netopts_check(struct cli *c, const struct create_cli *o);
/* Into q; what was made lives in the arena of c. */
int netopts_take(struct cli *c, const struct create_cli *o, struct shale_create_opts *q);

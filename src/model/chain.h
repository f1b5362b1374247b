/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* chainID (image-spec config.md, "Layer ChainID"). */
#include "model/digest.h"

/* Of diff_ids[0..n-1]; n >= 1. */
int chain_id(const struct digest *diff_ids, size_t n, struct digest *ret, struct shale_err *e);
/* One step: chain(parent, diff). parent "" gives diff. */
int chain_next(const struct digest *parent, const struct digest *diff, struct digest *ret,
               struct shale_err *e);

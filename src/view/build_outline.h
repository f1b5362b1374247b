/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What --call=targets and --call=outline of a build show, as docker's tables. */
#include <shale/build.h>

#include "base/buf.h"

int build_targets_print(const struct shale_build_outline *x, struct buf *out, struct shale_err *e);
int build_outline_print(const struct shale_build_outline *x, struct buf *out, struct shale_err *e);

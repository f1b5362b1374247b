/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The records of the build cache as a table, or as --format asks. */
#include <shale/build.h>

#include "base/buf.h"

int build_cache_print(const struct shale_build_cache *c, const char *format, bool whole,
                      bool printable, struct buf *out, struct shale_err *e);

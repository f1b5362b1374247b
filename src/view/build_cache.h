/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The records of the build cache as a table, or as --format asks. */
#include <shale/build.h>

#include "base/buf.h"

/* What shale_build_check has found, in docker's words. */
void build_findings_print(const struct shale_build_findings *f, struct buf *out);
/* `builder du`: the records and their sums. */
int build_cache_print(const struct shale_build_cache *c, const char *format, bool whole,
                      bool printable, struct buf *out, struct shale_err *e);
/* The records as `system df -v` has them: short IDs, no descriptions in the table. */
int build_cache_rows(const struct shale_build_cache *c, const char *format, int64_t now_ns,
                     struct buf *out, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Samples of `stats` as docker prints them. */
#include <shale/stats.h>

#include "base/buf.h"

struct stats_view {
    const char *format; /* NULL: the table */
    bool no_trunc, printable;
};

/* Appends one sample. INVALID: the template does not parse. */
int stats_print(const struct shale_stats *v, size_t n, const struct stats_view *o, struct buf *out,
                struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What takes how much room: docker's `system df`, and the parts of the store. */
#include <shale/df.h>

#include "base/buf.h"

struct df_opts {
    const char *format; /* --format; NULL: the table. With `verbose` only "json", one object */
    bool verbose;
    bool printable; /* see view/list.h */
    int64_t now_ns;
};
/* -SHALE_UNSUPPORTED: a template with `verbose`. */
int df_check(const struct df_opts *o, struct shale_err *e);
int df_print(const struct shale_df *d, const struct df_opts *o, struct buf *out,
             struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where a tag pointed, as a list (`tag --history`). */
#include <shale/tag_history.h>

#include "base/buf.h"

struct tag_history_opts {
    const char *format;
    bool no_trunc, printable;
    int64_t now_ns;
};
int tag_history_print(const struct shale_tag_history *l, const struct tag_history_opts *o,
                      struct buf *out, struct shale_err *e);

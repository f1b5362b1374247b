/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Downloads in flight, as a list (`pulls ls`). */
#include <shale/image.h>

#include "base/buf.h"

struct transfers_opts {
    const char *format;
    bool no_trunc, quiet, printable;
    int64_t now_ns;
};
int transfers_print(const struct shale_transfer_list *l, const struct transfers_opts *o,
                    struct buf *out, struct shale_err *e);

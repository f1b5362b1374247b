/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What `rmi --explain` tells. */
#include <shale/explain.h>

#include "base/buf.h"

struct explain_opts {
    const char *image;  /* as given */
    const char *format; /* NULL: for people; "json"; a template over the same document */
    bool printable;     /* see view/list.h */
    bool first;         /* else an empty line comes before what people read */
};
int explain_print(const struct shale_rmi_explained *x, const struct explain_opts *o,
                  struct buf *out, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Containers as a list. */
#include <shale/container.h>

#include "base/buf.h"

struct ps_opts {
    const char *format; /* --format; NULL: the table */
    bool no_trunc, quiet, with_size;
    bool printable; /* see view/list.h */
    int64_t now_ns;
};
int ps_print(const struct shale_container_list *containers, const struct ps_opts *o,
             struct buf *out, struct shale_err *e);

/* "running", "exited", … */
const char *container_state_name(enum shale_container_state s);
/* "Up 2 seconds", "Exited (0) 3 minutes ago", … */
void container_status(const struct shale_container *c, int64_t now_ns, struct buf *b);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One run of a health check inside of a container. */
#include "base/buf.h"
#include "container/ctr.h"

struct probe_result {
    int exit_code;            /* -1: it could not be run, or took too long */
    int64_t begin_ns, end_ns; /* wall clock */
    struct buf output;        /* what it wrote, or why it could not be run; UTF-8. To be cleared */
};
/* Only -SHALE_CANCELED, of the host, and lack of means here are errors. */
int probe_run(struct container_host *h, const struct ctr *c, struct probe_result *ret,
              struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Limits of block devices: --blkio-weight-device, --device-read-bps and their like, of which each
 * is a list of its own. docker's words where they are wrong (INVALID). Pure.
 */
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum blkio_list {
    BLKIO_WEIGHTS, /* "/dev/x:WEIGHT" */
    BLKIO_READ_BPS,
    BLKIO_WRITE_BPS, /* "/dev/x:RATE[kb|mb|gb]" */
    BLKIO_READ_IOPS,
    BLKIO_WRITE_IOPS, /* "/dev/x:RATE" */
    BLKIO_LISTS
};
struct blkio_device {
    const char *path;
    uint64_t value;
};
int blkio_value(enum blkio_list list, const char *text, struct arena *a, struct blkio_device *ret,
                struct shale_err *e);
/* 0, or 10 to 1000. */
int blkio_weight_check(uint64_t weight, struct shale_err *e);

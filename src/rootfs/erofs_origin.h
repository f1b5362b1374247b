/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where the bytes of files lie that an index shows: what rootfs_origin is for this driver.
 */
#include "rootfs/rootfs.h"

/* Takes the descriptor of the index of `img`. CORRUPT: it is none. */
int erofs_origins_open(int fd, const struct rootfs_image *img, struct rootfs_origins **ret,
                       struct shale_err *e);

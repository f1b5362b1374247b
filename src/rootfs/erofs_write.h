/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Writes the EROFS index of a finished tree. The data of regular files stays in the layer tars:
 * device k + 1 is the tar of layer k. Sparse files, whose data is not in one piece, are copied
 * (with their holes) to a side file, the last device, made only when there are some. The same tree
 * gives the same bytes.
 */
#include "base/cancel.h"
#include "base/err.h"
#include "model/digest.h"
#include "rootfs/tree.h"

struct erofs_layer {
    int tar_fd; /* read only for sparse members; -1 when there are none */
    uint64_t tar_bytes;
    struct digest diff_id; /* goes into the device's tag */
};

/* Writes to fd (empty, positioned at its start). side_fd: an empty file for sparse data;
 * *ret_side_bytes tells how much of it is used (0: not a device). LIMIT when the tree does not fit
 * the format. */
int erofs_write(struct tree *t, const struct erofs_layer *layers, size_t n_layers, int fd,
                int side_fd, uint64_t *ret_side_bytes, struct cancel *c, struct shale_err *e);

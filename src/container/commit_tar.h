/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The changes of a container as a layer tar (image-spec layer.md): whiteouts for what is gone,
 * opaque marks, hard links, devices, attributes but for those of overlayfs and of labels. Holes are
 * written as zeros, times in whole seconds (as docker's), sockets not at all. In the order of
 * changes_walk: the same changes give the same bytes.
 */
#include "base/arena.h"
#include "base/cancel.h"
#include "rootfs/lower.h"
#include "tar/tar_write.h"

struct commit_tar_stats {
    uint64_t n_members;
    uint64_t n_left_out; /* names that begin with .wh., which a layer cannot hold */
};
/* flags: 0, CHANGES_OF_STEP. no_later_s: as pack_clamp; NULL: times as they are. */
int commit_tar(int upper_fd, const struct lower *lower, unsigned flags, const int64_t *no_later_s,
               tar_out_fn out, void *arg, struct cancel *c, struct commit_tar_stats *ret,
               struct shale_err *e);
/* The same of all that the container sees, without whiteouts. upper_fd -1: it has changed nothing.
 * created_s: with what it has whatever its image (container/initfiles.h), of that time; NULL: it is
 * no container. */
int export_tar(int upper_fd, int lower_fd, const int64_t *created_s, tar_out_fn out, void *arg,
               struct cancel *c, struct shale_err *e);
/* Several roots in one tar, each in a folder. */
struct export_part {
    const char *folder; /* "" or NULL: none */
    int root_fd;
};
int export_parts(const struct export_part *v, size_t n, tar_out_fn out, void *arg, struct cancel *c,
                 struct shale_err *e);

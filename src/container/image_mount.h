/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Images mounted in containers (--mount type=image). Each has a folder of its container:
 * images/<number of the mount>/ with root/, where the image is mounted while the container runs,
 * and, where it may be written to, upper/ and work/. What a container writes stays until it is
 * removed, and is in no image.
 */
#include "container/ctr.h"

/* The images that the mounts are of, maybe several times. */
int image_mounts_used(const struct conf *c, struct arena *a, const struct digest **ret,
                      size_t *ret_n, struct shale_err *e);
/* Mounts the i-th mount, which is an image, with what the path in it stands for: *ret_path. */
int image_mount_make(struct container_host *h, struct arena *a, const struct ctr *c, size_t i,
                     const char **ret_path, struct shale_err *e);
/* The same of one that is mounted. */
int image_mount_path(struct arena *a, const struct ctr *c, size_t i, const char **ret_path,
                     struct shale_err *e);
/* Of a container that is started: all of them, as sources of the mounts in c->conf. */
int image_mounts_make(struct container_host *h, struct arena *a, struct ctr *c,
                      struct shale_err *e);
void image_mounts_undo(struct container_host *h, struct arena *a, const struct ctr *c);

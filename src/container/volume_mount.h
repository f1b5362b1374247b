/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Volumes with options: the file system that they stand for is mounted at volumes/<name>/_data when
 * the first container that has the volume starts, and unmounted after the last one has ended.
 *
 * Who uses one is not counted: each container that runs has a bind mount of it in a folder of its
 * own, containers/<id>/volumes/<name>, and the mount table says which there are. It goes with what
 * else a container has mounted, also when whoever started it was killed; a mount that nobody has
 * got round to binding goes with the next look at the volume.
 */
#include "container/ctr.h"

/* Of a container that is started, before its volumes are filled: mounts those with options, and
 * makes them the sources of the mounts in c->conf. In docker's words when the kernel will not. */
int volume_mounts_make(struct container_host *h, struct arena *a, struct ctr *c,
                       struct shale_err *e);
void volume_mounts_undo(struct container_host *h, struct arena *a, const struct ctr *c);
/* In a mount namespace of the caller's own: mounts it unless it is. 1: it has options. */
int volume_mount_here(struct store *s, const char *name, struct arena *a, struct shale_err *e);
/* Unmounts it if no container has it any more. */
void volume_mount_release(struct store *s, const char *name);
/* Whether what the image has at its place may be copied into it: not into one that forgets. */
int volume_mount_fills(struct store *s, const char *name, struct arena *a, struct shale_err *e);

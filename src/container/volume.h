/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The functions of <shale/volume.h>, one to one; see container.h for the rules. volumes/<name>/ has
 * `_data` and, where there are labels, `labels.json`.
 *
 * Who removes holds VOLUMES_LOCK exclusively from looking who uses a volume to its removal; who
 * makes a container with volumes holds it shared until its row is there.
 */
#include <shale/volume.h>

#include "container/container.h"

#define VOLUMES_LOCK "locks/volumes"

/* The folder of a volume, which is made where it is not there; for those that hold VOLUMES_LOCK,
 * exclusively where there are options or labels: they go to a volume that is made here, alone.
 * INVALID: it is no name, or options that are none. */
int volume_make(struct container_host *h, const char *name, const char *const *options,
                const char *const *labels, struct arena *a, const char **ret_path,
                struct shale_err *e);
int volume_create(struct container_host *h, const struct shale_volume_create_opts *o,
                  struct arena *a, struct shale_volume *ret, struct shale_err *e);
int volume_ls(struct container_host *h, const struct shale_volume_ls_opts *o, struct arena *a,
              struct shale_volume_list *ret, struct shale_err *e);
int volume_inspect(struct container_host *h, const char *name, struct arena *a,
                   struct shale_volume *ret, struct shale_err *e);
int volume_rm(struct container_host *h, const char *name, struct shale_err *e);
int volume_prune(struct container_host *h, const struct shale_volume_prune_opts *o, struct arena *a,
                 struct shale_volume_pruned *ret, struct shale_err *e);

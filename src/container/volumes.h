/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Volumes: folders volumes/<name>/_data under the store's root. Names follow names.h; anonymous
 * ones are called by 64 hex digits.
 */
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/store.h"

/* INVALID, in docker's words. */
int volume_check_name(const char *name, struct shale_err *e);
/* Makes the volume if it is not there. *ret_path is its folder. */
int volume_ensure(struct store *s, const char *name, struct arena *a, const char **ret_path,
                  struct shale_err *e);
int volume_remove(struct store *s, const char *name, struct shale_err *e); /* missing is success */

/* Fills an empty volume with what the image has at `target` (mode and owner of the folder
 * included), as docker does at the first use. `root_fd` is the container's root; look-ups stay
 * inside of it. */
int volume_fill(const char *path, int root_fd, const char *target, struct shale_err *e);

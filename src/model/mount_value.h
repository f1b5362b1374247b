/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The values of -v, --mount and --tmpfs (and Binds and Tmpfs of docker's API). Strings of the
 * result live in the arena or point into the text; paths stay as they are given. -SHALE_INVALID
 * with docker's messages.
 */
#include <shale/container.h>

#include "base/arena.h"
#include "base/err.h"

/* [HOST-PATH|NAME:]CONTAINER-PATH[:OPTION,…] */
int mount_value_volume(const char *text, struct arena *a, struct shale_mount *ret,
                       struct shale_err *e);
/* type=bind,source=…,target=…,readonly */
int mount_value_mount(const char *text, struct arena *a, struct shale_mount *ret,
                      struct shale_err *e);
/* CONTAINER-PATH[:OPTION,…] */
int mount_value_tmpfs(const char *text, struct arena *a, struct shale_mount *ret,
                      struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The values of -v, --mount and --tmpfs as they are typed here: model/mount_value.h, with paths
 * that begin with "." seen from the working directory. -SHALE_INVALID with docker's messages.
 */
#include <shale/container.h>

#include "base/arena.h"
#include "base/err.h"

/* [HOST-PATH|NAME:]CONTAINER-PATH[:OPTION,…] */
int mount_parse_volume(const char *text, struct arena *a, struct shale_mount *ret,
                       struct shale_err *e);
/* type=bind,source=…,target=…,readonly */
int mount_parse_mount(const char *text, struct arena *a, struct shale_mount *ret,
                      struct shale_err *e);
/* CONTAINER-PATH[:OPTION,…] */
int mount_parse_tmpfs(const char *text, struct arena *a, struct shale_mount *ret,
                      struct shale_err *e);

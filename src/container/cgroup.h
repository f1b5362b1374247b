/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Control groups of this host, as far as running containers needs to know. Thread-safe. */
#include <stdbool.h>

#include "base/err.h"

enum cgroup_mode {
    CGROUP_NONE,   /* nothing mounted at /sys/fs/cgroup */
    CGROUP_V1,     /* one hierarchy per controller */
    CGROUP_V2,     /* the unified hierarchy */
    CGROUP_HYBRID, /* v1 controllers, and an empty v2 hierarchy at /sys/fs/cgroup/unified */
};

enum cgroup_mode cgroup_mode(void);
const char *cgroup_mode_name(enum cgroup_mode mode); /* "v1", "v2", "hybrid", "none" */
/* --cgroupns where nothing is said of it: "private" or "host". */
const char *cgroup_usual_namespace(enum cgroup_mode mode);
/* Can the controller ("memory", "cpu", "pids") limit a container here? */
bool cgroup_has(enum cgroup_mode mode, const char *controller);
/* Removes the group `path` ("/shale/<id>") and the groups in it from every hierarchy. Missing is
 * success; a group that still has processes is -SHALE_IN_USE. */
int cgroup_remove(enum cgroup_mode mode, const char *path, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Cache mounts: folders that outlive builds, buildcache/<name>/ below the store's root:
 *   data/  what is mounted     id  what the mount was called; its times: when it was made and used
 * The name is a digest of the ID, of what it began with, and of owner and mode; "-1" and so on
 * stand behind it for further ones of those who want theirs alone. locks/cache-<name> is held by
 * the steps that have it, shared or not (enum step_sharing). What the name of a folder begins with
 * a dot of is being made or removed.
 */
#include "container/step.h"

struct step_cache {
    const char *name, *id;
    uint64_t bytes; /* space on disk */
    int64_t created_ns, used_ns;
    bool in_use; /* by a step, now */
};
/* All there are, in no order. */
int step_cache_list(struct container_host *h, struct arena *a, struct step_cache **ret,
                    size_t *ret_n, struct shale_err *e);
/* Removes one; *ret_bytes is the space that it freed. Missing is success. IN_USE: a step has it. */
int step_cache_remove(struct container_host *h, const char *name, uint64_t *ret_bytes,
                      struct shale_err *e);

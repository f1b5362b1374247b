/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_UPDATE_H
#define SHALE_UPDATE_H
/* Changing the limits and the restart policy of a container. See shale.h for the conventions. */
#include <shale/container.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_update_opts { /* 0 and NULL: as it is */
    size_t size;
    int64_t memory_bytes, nano_cpus;
    int64_t pids_limit; /* -1: none any more */
    struct shale_more_limits more;
    const char *restart; /* as of shale_create_opts; "no": not any more */
};
/* Gives a container other limits: at once when it runs, else at its next start. INVALID and
 * CONFLICT: they do not make sense, or not together with those it has; UNSUPPORTED: this host has
 * no control group for it. All of them are changed, or none. */
SHALE_API int shale_update(struct shale *s, const char *container,
                           const struct shale_update_opts *o, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

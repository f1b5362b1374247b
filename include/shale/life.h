/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_LIFE_H
#define SHALE_LIFE_H
/*
 * What happens to a container between its start and its end, and to those that have ended. See
 * shale.h for the conventions and container.h for how containers are named.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gives a container another name; a leading slash is dropped. CONFLICT: the name is taken; INVALID:
 * it is no name, or the one it has. One that runs is known by the new name on its networks, too. */
SHALE_API int shale_rename(struct shale *s, const char *container, const char *name,
                           struct shale_err *e);
/* Stops it as shale_stop does, when it runs, and starts it again with nobody attached. One that is
 * removed at its end is not removed by this end. */
SHALE_API int shale_restart(struct shale *s, const char *container, const char *signal,
                            int64_t timeout_s, struct shale_err *e);
/* Freezes all processes of a container. CONFLICT: it does not run, or is paused already;
 * UNSUPPORTED: its runtime works without control groups. */
SHALE_API int shale_pause(struct shale *s, const char *container, struct shale_err *e);
/* Lets a paused container go on. CONFLICT: it is not paused. */
SHALE_API int shale_unpause(struct shale *s, const char *container, struct shale_err *e);

struct shale_top {
    const char *const *titles; /* NULL-terminated */
    size_t n_titles;
    const char *const *const *rows; /* each has n_titles texts */
    size_t n_rows;
};
/* The processes of a running container as ps(1) of this host shows them. `ps_args` are ps's
 * arguments, NULL-terminated; NULL or none: "-ef". INVALID: ps refuses them, or does not print a
 * PID column with them. */
SHALE_API int shale_top(struct shale *s, const char *container, const char *const *ps_args,
                        struct shale_top **ret, struct shale_err *e);

struct shale_container_prune_opts {
    size_t size;
    const char *const *filters; /* "until=…" once, "label=…", "label!=…"; NULL: none */
};
struct shale_container_pruned {
    const char *const *ids; /* NULL-terminated */
    size_t n_ids;
    uint64_t freed_bytes; /* what they had written */
};
/* Removes all containers that do not run. One that is started meanwhile stays. */
SHALE_API int shale_container_prune(struct shale *s, const struct shale_container_prune_opts *o,
                                    struct shale_container_pruned **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

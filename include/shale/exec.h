/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_EXEC_H
#define SHALE_EXEC_H
/*
 * Processes beside a container's own that are made first and started later, as docker's API has
 * them (shale_exec does both at once). They are known to all processes that use the store, from
 * their making until their container ends. See shale.h for the conventions.
 *
 * `exec` is the whole ID: NOT_FOUND "No such exec instance: x".
 */
#include <shale/container.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_exec_streams { /* which of them whoever starts it will have */
    bool in, out, err;
};
struct shale_exec_made {
    const char *id; /* 64 hex */
};
/* Of `o` what is to be run counts, with tty and privileged; not its streams, but for detach_keys.
 * CONFLICT: the container does not run. */
SHALE_API int shale_exec_create(struct shale *s, const char *container,
                                const struct shale_exec_opts *o,
                                const struct shale_exec_streams *streams,
                                struct shale_exec_made **ret, struct shale_err *e);

struct shale_exec_start_opts {
    size_t size;
    bool detach;
    /* Its descriptors, a terminal or not as when it was made. on_ready is called when it is about
     * to be started: what fails after that is also in its exit status. */
    struct shale_attach_opts streams;
};
/* Starts it and carries its streams to its end, unless `detach`; once only. *ret_status and errors
 * are those of shale_exec; CONFLICT: it was started before, or its container does not run. */
SHALE_API int shale_exec_start(struct shale *s, const char *exec,
                               const struct shale_exec_start_opts *o, int *ret_status,
                               struct shale_err *e);

struct shale_exec_info {
    const char *id, *container_id;
    bool running, started;
    int exit_code;          /* once it was started and does not run; -1: nobody has seen its end */
    int pid;                /* 0: it does not run, or is about to */
    const char *const *cmd; /* NULL-terminated */
    const char *user, *detach_keys;
    bool tty, privileged;
    struct shale_exec_streams streams;
};
/* What was asked for, and how far it is. */
SHALE_API int shale_exec_inspect(struct shale *s, const char *exec, struct shale_exec_info **ret,
                                 struct shale_err *e);
/* CONFLICT: it has no terminal, or does not run. */
SHALE_API int shale_exec_resize(struct shale *s, const char *exec, uint16_t rows, uint16_t columns,
                                struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif

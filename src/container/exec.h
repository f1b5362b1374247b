/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Processes beside the one of a container: files of an `exec` in the container's folder, called
 * after its 64 hex digits. The number of its process is there as long as it runs.
 */
#include "container/ctr.h"

enum exec_file {
    EXEC_PROCESS,
    EXEC_LOG,
    EXEC_PIDFILE,
    /* of one that was made by container_exec_create (JSON), is there while its start is or was:
     * path of its terminal; exit status */
    EXEC_OBJECT,
    EXEC_STARTED,
    EXEC_END,
};

/* NULL: no memory. */
const char *exec_path(const struct ctr *c, const char *exec_id, enum exec_file which,
                      struct arena *a);
/* Of an object: what container_exec_inspect shows. Of others nothing. */
void exec_note_end(const struct ctr *c, const char *exec_id, int status);
/* The event, and the note. */
void exec_tell_end(struct container_host *h, const struct ctr *c, const char *exec_id, int status);
/* Those that run, in no order; NULL-terminated. */
int exec_running(struct container_host *h, const struct ctr *c, struct arena *a,
                 const char *const **ret, struct shale_err *e);

/* Finds the container, which must run, and what started it. */
int exec_check(struct container_host *h, struct arena *a, const char *container,
               const char *const *cmd, struct ctr *c, struct ctr_run *run, struct shale_err *e);
void exec_tell_create(struct container_host *h, struct arena *a, const struct ctr *c,
                      const char *exec_id, const char *const *cmd);
/* Every file of processes that a container has had goes: it has been started anew. */
void exec_forget(const struct ctr *c);

struct exec_known { /* a process that has its ID already */
    const char *container, *id;
    int (*on_ready)(void *arg); /* it will be tried now. Negative ends it. May be NULL */
    void (*on_terminal)(void *arg, const char *path);
    void *arg;
};
/* As container_exec. */
int exec_run(struct container_host *h, struct arena *a, const struct exec_known *k,
             const struct shale_exec_opts *o, int *ret_status, struct shale_err *e);

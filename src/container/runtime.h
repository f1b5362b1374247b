/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * OCI runtimes of this host: which there are, which work here, and their command lines.
 *
 * A runtime is tried by running a process with it, once per boot and version of its file; the
 * outcome is remembered in the store's memos. crun is preferred to runc where both work with
 * control groups; one that only works without them (crun in hybrid mode) comes last, for then
 * nothing limits which devices a container may open, and callers must do without CAP_MKNOD and
 * devices (see spec.h).
 */
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "container/cgroup.h"
#include "container/container.h"

enum runtime_level {
    RUNTIME_FAILS,
    RUNTIME_NO_CGROUPS, /* works when told not to make control groups */
    RUNTIME_WORKS,
};
struct runtime {
    const char *name, *path; /* path "": not installed */
    enum runtime_level level;
    const char *verdict; /* one line */
};

#define RUNTIME_ARGS_MAX 24

/* The runtime to use: `forced` if not NULL or "", else the best. UNSUPPORTED when none works,
 * saying why. */
int runtime_choose(struct container_host *h, const char *forced, struct arena *a,
                   struct runtime *ret, struct shale_err *e);
/* Looks up name or path and finds out how it works; not being there or not working is a result. */
int runtime_probe(struct container_host *h, const char *name, struct arena *a, struct runtime *ret,
                  struct shale_err *e);

/* A folder of ours that is gone after a reboot. */
int runtime_own_dir(const char *name, struct arena *a, const char **ret, struct shale_err *e);
/* Folder of the runtimes' own state. */
int runtime_state_dir(struct arena *a, const char **ret, struct shale_err *e);
/* Where a runtime is to write the number of a container's process, for one who waits for it: beside
 * the runtimes' state, in memory, as runtimes write it with O_SYNC. */
int runtime_pidfile(const char *id, struct arena *a, const char **ret, struct shale_err *e);
/* Global arguments of a command line: path, --root, log (may be NULL) …; then `rest`
 * (NULL-terminated). */
int runtime_argv(const struct runtime *rt, const char *log, const char *const *rest,
                 struct arena *a, const char ***ret, struct shale_err *e);
/* Like that, run to the end: OK if it exits with 0, else SYSTEM with its words. */
int runtime_call(const struct runtime *rt, const char *const *rest, struct arena *a,
                 struct shale_err *e);
/* What the runtime says in its JSON log or on stderr, as one line; "" if nothing. Into ret (size
 * n). */
void runtime_words(const char *log_path, const char *text, size_t n_text, char *ret, size_t n);
/* An error from such words, behind what it is that failed: NOT_FOUND for a program that is not
 * there, DENIED for one that cannot be run (permission, a directory), else SYSTEM. */
int runtime_refusal(const char *what, const char *words, struct shale_err *e);
#define RUNTIME_CREATE_FAILED                                                                      \
    "failed to create task for container: failed to create shim task: OCI runtime create failed"
#define RUNTIME_EXEC_FAILED "OCI runtime exec failed"

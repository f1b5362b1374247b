/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Containers from images of the local store, through an OCI runtime and conmon. The engine calls
 * these one to one for the functions of <shale/container.h>; options travel unchanged, results are
 * built in the arena that the caller gives (it becomes the block that shale_free releases).
 *
 * Who watches a container: one that is started with auto_remove, attached, without terminal and
 * without standard input is watched by the calling process, which also writes its log; one that is
 * not attached, but else the same (and has no limit of memory and publishes no ports), by a process
 * that is started for it (`watcher_command`); every other one by conmon, which runs `exit_command`
 * at its end. Nobody has to: whoever looks at a container
 * next finds out that it has ended (its process is identified by number, start time and boot) and
 * does what is left to do.
 *
 * Files: containers/<id>/ under the store's root is the OCI bundle and all that belongs to the
 * container: config.json  run  lock  upper/ work/ merged/  ctr.log  hostname hosts resolv.conf
 *   pidfile  conmon.pid  keeper  <id> (exit status, by who watches it)  oom  attach  ctl
 * volumes/<name>/_data holds volumes.
 *
 * Thread-safe as the store is. Errors: NOT_FOUND "No such container: x" everywhere a container is
 * named; the messages are docker's where docker has one.
 */
#include <shale/changes.h>
#include <shale/container.h>
#include <shale/exec.h>
#include <shale/flat.h>
#include <shale/keep.h>
#include <shale/update.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"
#include "store/store.h"

/* What container operations work on. Borrowed. */
struct container_host {
    struct store *store;
    struct cancel *cancel; /* may be NULL */
    const char *runtime;   /* --runtime: name or path; NULL: the best that works here */
    /* Program and arguments that end in container_cleanup for the ID that is put behind them, e.g.
     * {"/usr/bin/shale", "--root", "/var/lib/shale", "__cleanup", NULL}. Absolute path. NULL: none,
     * what a detached container leaves is then cleared up by the next call that sees it. */
    const char *const *exit_command;
    /* The same for container_keep. NULL: there are no restart policies and no health checks. */
    const char *const *keeper_command;
    /* The same for container_watch. NULL: conmon watches whatever is not attached. */
    const char *const *watcher_command;
    /* The same for portproxy_run, with its arguments behind. NULL: nothing is published on
     * IPv6 addresses. */
    const char *const *ports_command;
};

/* ---- life ---- */
int container_create(struct container_host *h, const struct shale_create_opts *o, struct arena *a,
                     struct shale_created *ret, struct shale_err *e);
/* With attach->sig_proxy the signals that reach the calling thread (HUP, INT, QUIT, TERM, USR1,
 * USR2 …) are blocked, received and passed on while it runs; with a terminal on `in` changes of its
 * size are, too. */
int container_start(struct container_host *h, const char *container,
                    const struct shale_attach_opts *attach, int *ret_status, struct shale_err *e);
int container_attach(struct container_host *h, const char *container,
                     const struct shale_attach_opts *o, int *ret_status, struct shale_err *e);
int container_resize(struct container_host *h, const char *container, uint16_t rows,
                     uint16_t columns, struct shale_err *e);
int container_stop(struct container_host *h, const char *container, const char *signal,
                   int64_t timeout_s, struct shale_err *e);
int container_kill(struct container_host *h, const char *container, const char *signal,
                   struct shale_err *e);
int container_wait(struct container_host *h, const char *container, int *ret_status,
                   struct shale_err *e);
int container_wait_until(struct container_host *h, const char *container,
                         const struct shale_wait_opts *o, int *ret_status, struct shale_err *e);
int container_rm(struct container_host *h, const char *container, const struct shale_rm_opts *o,
                 struct shale_err *e);
int container_exec(struct container_host *h, const char *container, const struct shale_exec_opts *o,
                   int *ret_status, struct shale_err *e);
int container_exec_create(struct container_host *h, const char *container,
                          const struct shale_exec_opts *o, const struct shale_exec_streams *streams,
                          struct arena *a, struct shale_exec_made *ret, struct shale_err *e);
int container_exec_start(struct container_host *h, const char *exec,
                         const struct shale_exec_start_opts *o, int *ret_status,
                         struct shale_err *e);
int container_exec_inspect(struct container_host *h, const char *exec, struct arena *a,
                           struct shale_exec_info *ret, struct shale_err *e);
int container_exec_resize(struct container_host *h, const char *exec, uint16_t rows,
                          uint16_t columns, struct shale_err *e);
/* What exit_command comes to: records the status, unmounts, removes the container when it was made
 * with auto_remove. Harmless at any time, also for a container that runs or is gone. */
int container_cleanup(struct container_host *h, const char *container, struct shale_err *e);

/* What keeper_command comes to (see keep.h): stays as long as the container is live. Writes to
 * ready_fd when it can be relied on, and closes it. */
int container_keep(struct container_host *h, const char *id, int ready_fd, struct shale_err *e);
/* What keeper_command comes to with the ID of an exec, too: starts that process, says so at
 * ready_fd (keep.h), and tells of its end. */
int container_keep_exec(struct container_host *h, const char *id, const char *exec_id, int ready_fd,
                        struct shale_err *e);
/* What watcher_command comes to (watcher.c): runs a container that has been prepared to its end. */
int container_watch(struct container_host *h, const char *id, int ready_fd, struct shale_err *e);
int container_start_by_policy(struct container_host *h, struct arena *a,
                              struct shale_policy_starts *ret, struct shale_err *e);

int container_update(struct container_host *h, const char *container,
                     const struct shale_update_opts *o, struct shale_err *e);

/* ---- looking ---- */
int container_logs(struct container_host *h, const char *container, const struct shale_logs_opts *o,
                   struct shale_err *e);
int container_ps(struct container_host *h, const struct shale_ps_opts *o, struct arena *a,
                 struct shale_container_list *ret, struct shale_err *e);
int container_inspect(struct container_host *h, const char *container, bool with_size,
                      struct arena *a, struct shale_container *ret, struct shale_err *e);

int container_diff(struct container_host *h, const char *container, struct arena *a,
                   struct shale_change_list *ret, struct shale_err *e);

int container_export(struct container_host *h, const char *container,
                     const struct shale_export_opts *o, struct arena *a, struct shale_err *e);
int container_commit(struct container_host *h, const char *container,
                     const struct shale_commit_opts *o, struct arena *a,
                     struct shale_committed *ret, struct shale_err *e);

/* ---- for `info` ---- */
struct container_counts {
    uint64_t n_all, n_running, n_paused, n_stopped;
};
int container_counts(struct container_host *h, struct container_counts *ret, struct shale_err *e);

struct container_runtime {
    const char *name; /* "crun" */
    const char *path; /* "" when not installed */
    bool works;       /* ran a process here, with or without control groups */
    const char
        *verdict; /* one line: "works", "works without control groups: …", or the runtime's words */
};
struct container_runtimes {
    const struct container_runtime
        *items; /* those shale knows, and a forced one, in order of preference */
    size_t n_items;
    const struct container_runtime *chosen; /* NULL: none works */
    const char *why;                        /* one line: why this one, or why none */
    const char *conmon_path;                /* "" when not installed */
    const char *cgroup;                     /* "v1", "v2", "hybrid", "none" */
};
/* Probes by really running a process where the answer is not remembered from this boot. */
int container_runtimes(struct container_host *h, struct arena *a, struct container_runtimes *ret,
                       struct shale_err *e);

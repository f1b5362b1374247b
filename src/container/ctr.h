/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One container: its row, what it was made with, its folder, and the truth about its process.
 *
 * States are the words of the rows: created, running, paused, restarting, exited, removing, dead. A
 * row says "running" from the start of the process until somebody has recorded its end; ctr_find
 * and ctr_refresh do that when the process has gone and nobody who watches it (`monitor`) is left
 * to do it. "restarting" is one that has ended and that its keeper (keep.h) is about to start
 * again.
 *
 * Changes of state happen under the container's lock (ctr_lock), and are compare-and-set on the
 * row.
 */
#include "base/arena.h"
#include "base/err.h"
#include "container/conf.h"
#include "container/container.h"
#include "container/process.h"
#include "container/runtime.h"

#define CTR_CREATED    "created"
#define CTR_RUNNING    "running"
#define CTR_PAUSED     "paused"
#define CTR_RESTARTING "restarting"
#define CTR_EXITED     "exited"
#define CTR_REMOVING   "removing"
#define CTR_DEAD       "dead"

#define CTR_STATUS_UNKNOWN 255 /* it ended and nobody saw how */

/* The file `run`: of the start that is going on. */
struct ctr_run {
    struct process init;    /* the container's first process */
    struct process monitor; /* who writes down how it ends */
    struct runtime runtime;
};

struct ctr {
    struct meta_container row;
    struct conf conf;
    const char *dir;       /* absolute */
    struct endpoints *net; /* of the start that is going on (endpoint.h); NULL */
    struct spaces *spaces; /* the same (spaces.h); NULL: all of its own */
};

int ctr_find(struct container_host *h, const char *text, struct arena *a, struct ctr *ret,
             struct shale_err *e);
int ctr_of_row(struct container_host *h, const struct meta_container *row, struct arena *a,
               struct ctr *ret, struct shale_err *e);
/* Reads the row again; NOT_FOUND when it was removed. */
int ctr_reload(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e);
/* The same for who looks again and again: `a`, which must hold nothing but what c has, is cleared
 * and has the new one. On an error both stay as they are. */
int ctr_look(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e);
/* 1: its row tells of another state, start or end than c does. 0: it does not. */
int ctr_has_moved(struct container_host *h, const struct ctr *c, struct shale_err *e);
/* How long to pause before something that has been awaited since then (monotonic) is looked for
 * again: a small part of that time, so that hundreds who wait for long do not keep the machine from
 * what they wait for. */
int64_t ctr_pause_ns(int64_t since_ns, int64_t least_ns);
bool ctr_is(const struct ctr *c, const char *state);
/* It runs, is paused, or will run again by itself. */
bool ctr_is_live(const struct ctr *c);
const char *ctr_path(const struct ctr *c, struct arena *a, const char *name); /* NULL: no memory */

/* This process, as conf.starter has it: number, start time, boot. NULL: no memory. */
const char *ctr_starter(struct container_host *h, struct arena *a);

/* A descriptor, or -code. Load again what was loaded before. */
int ctr_lock(struct container_host *h, const struct ctr *c, struct shale_err *e);

int ctr_run_save(struct container_host *h, const struct ctr *c, const struct ctr_run *run,
                 struct shale_err *e);
/* Without a file, or with one of another boot, processes have pid 0. */
int ctr_run_load(struct container_host *h, const struct ctr *c, struct arena *a,
                 struct ctr_run *ret, struct shale_err *e);

/* State and what goes with it, from any of `from` (NULL: any). CONFLICT as meta_container_move. */
int ctr_move(struct container_host *h, struct ctr *c, const char *const *from,
             const struct meta_container_run *to, struct arena *a, struct shale_err *e);

/* If it says running and is not: records the end. What a killed start or removal left is undone
 * (one made with auto_remove then goes altogether). 1: it had ended and there is nothing more to
 * do, 2: it has ended and its monitor is about to say so, 0: else. NOT_FOUND when that removed it.
 */
int ctr_refresh(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e);
/* Records the end of a container, undoes its mounts and removes it when it is auto_remove. One
 * whose policy wants it again, and that has a keeper, is "restarting" then. Lock held. */
int ctr_finish(struct container_host *h, struct arena *a, struct ctr *c, int status,
               struct shale_err *e);
/* Removes all of it. Lock held, not running, ctr_unprepare done. */
int ctr_remove(struct container_host *h, struct arena *a, struct ctr *c, bool volumes,
               struct shale_err *e);
/* Exit status as conmon, or who watches it instead, wrote it; -1: not there (yet). */
int ctr_exit_status(const struct ctr *c);
/* Undoes what a start makes: the runtime's state, the mount. */
void ctr_unprepare(struct container_host *h, struct arena *a, const struct ctr *c);

/* Whoever needs the exit status of a container that may be removed at its end holds this: a
 * descriptor that keeps automatic removal waiting (for a bounded time), or -code. */
int ctr_hold(struct container_host *h, const struct ctr *c, struct shale_err *e);
/* Waits, for a bounded time, until those who hold it have let go. */
void ctr_await_holders(struct container_host *h, const struct ctr *c);
/* The same for who wants to be attached before its first word: a start waits, before the process
 * begins, until they have let go. */
int ctr_hold_start(struct container_host *h, const struct ctr *c, struct shale_err *e);
void ctr_await_attachers(struct container_host *h, const struct ctr *c);
/* Waits for the end of a container that runs; its status. The holder's descriptor may be given up
 * after. */
int ctr_wait_end(struct container_host *h, struct arena *a, struct ctr *c, int *ret_status,
                 struct shale_err *e);
/* CONFLICT "container <id> is not running" when it does not, also when it is restarting. */
int ctr_need_running(const struct ctr *c, struct shale_err *e);

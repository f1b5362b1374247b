/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Two ways of running a prepared container (see container.h), and talking to one that runs. */
#include "container/ctr.h"
#include "container/keys.h"
#include "container/relay.h"

struct start { /* one start that is going on */
    struct container_host *h;
    struct arena *a;
    struct ctr *c;
    struct runtime rt;
    const struct shale_attach_opts *attach; /* NULL: nobody looks */
    int lock;                               /* the container's; given up (-1) once it runs */
    bool again;                             /* by its keeper: nobody has asked for it */
    /* of a watcher; -1, NULL: it is none */
    int ready;                /* tells who has the lock that the container runs, or has run */
    struct streamer *streams; /* who is attached */
};

/* Runs it to its end under our own eyes. */
int direct_run(struct start *s, int *ret_status, struct shale_err *e);
/* The same under the eyes of a process that is started for it and stays (watcher.c); for what can
 * be watched so, and where the host has a watcher_command. The container's lock stays with the
 * caller meanwhile. */
bool watcher_can(const struct start *s);
int watcher_start(struct start *s, struct shale_err *e);
/* In that process: the container runs. Once; harmless elsewhere. */
void watcher_ready(struct start *s);
/* Starts it under conmon. *ret_socket is connected to its streams when `attach` is set, else -1. */
int monitor_start(struct start *s, int *ret_socket, struct shale_err *e);

/* No terminal, no input, no keeper, gone when it ends: it can do without conmon. (Processes that it
 * leaves behind where others are, too, need somebody who takes them in.) */
bool start_is_plain(const struct start *s);
/* Makes the row say running. */
int start_mark_running(struct start *s, const struct ctr_run *run, struct shale_err *e);
/* The process runs: its event. Lock held, so that its end is told after it. */
void start_tell(struct start *s);

/* Connects to the streams that who watches it holds. LIMIT: too many wait there to be let in. */
int attach_connect(struct container_host *h, const struct ctr *c, struct shale_err *e);
/* Carries the streams over a connected socket (which it closes) until the container ends or is
 * detached from: then *ret_status is -1. */
int attach_relay(struct container_host *h, struct arena *a, struct ctr *c,
                 const struct shale_attach_opts *o, int socket, int *ret_status,
                 struct shale_err *e);

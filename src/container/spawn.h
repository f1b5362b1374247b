/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Children whose standard streams are given and that may be the leader of their own session. */
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

struct spawn_opts {
    const char *const *argv; /* argv[0] is a path */
    const char *const *env;  /* added to ours, "K=V"; may be NULL */
    int in, out, err;        /* -1: /dev/null */
    const char *tty;     /* path of a terminal that becomes all three, and the controlling one */
    const int *keep_fds; /* inherited under their own numbers; -1 ends; may be NULL */
    const char *dir;     /* where it works; NULL: where we do */
    bool new_session;    /* signals of our terminal do not reach it */
};
/* Signals are at their defaults in the child and none is blocked. *ret_pidfd may be NULL. */
int spawn_start(const struct spawn_opts *o, pid_t *ret_pid, int *ret_pidfd, struct shale_err *e);
/* *ret_status: exit status, or 128 + signal. */
int spawn_wait(pid_t pid, int *ret_status, struct shale_err *e);
/* Runs to the end with no input; what it writes to stdout and stderr goes into the buffers (may be
 * NULL: dropped), over their maximum it is dropped. */
int spawn_run(const char *const *argv, struct buf *out, struct buf *errout, int *ret_status,
              struct shale_err *e);

/* A pipe, both ends O_CLOEXEC; the ends that are still open are closed with the scope. */
struct spawn_pipe {
    int r, w;
};
#define SPAWN_PIPE_NONE                                                                            \
    {                                                                                              \
        -1, -1                                                                                     \
    }
int spawn_pipe_open(struct spawn_pipe *p, struct shale_err *e);
void spawn_pipe_close(struct spawn_pipe *p);
int spawn_pidfd(pid_t pid); /* as pidfd_open(2) */

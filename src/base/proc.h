/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Child processes. argv[0] is looked up in PATH. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/cancel.h"
#include "base/err.h"

struct proc_opts {
    const char *const *argv; /* NULL-terminated */
    const char *const *env; /* added to (or, with clear_env, instead of) ours; "K=V"; may be NULL */
    bool clear_env;
    const char *cwd;     /* NULL: ours */
    const int *keep_fds; /* inherited under their own numbers; -1 ends; may be NULL */
    int stdin_fd, stdout_fd, stderr_fd; /* 0 means /dev/null for stdin and ours for the others */
    const void *input;                  /* proc_run: bytes for stdin, instead of stdin_fd */
    size_t input_n;
    int64_t timeout_ns; /* proc_run: 0 is none; past it the child is killed: -SHALE_TIMEOUT */
};

/* Starts a child (posix_spawn or vfork underneath). -SHALE_NOT_FOUND if there is no such program.
 */
int proc_spawn(const struct proc_opts *o, pid_t *ret_pid, struct shale_err *e);
/* Waits; *ret_status is the exit status, or 128 + signal. */
int proc_wait(pid_t pid, int *ret_status, struct shale_err *e);
/* Runs to the end; stdout and stderr into the buffers where not NULL. */
int proc_run(const struct proc_opts *o, struct buf *out, struct buf *errout, int *ret_status,
             struct cancel *c, struct shale_err *e);
/* Is this root of the machine, and not of a user namespace? */
bool proc_is_root(void);
/* Is this an ordinary user, also as root of a user namespace of its own? PROC_USER_ENV says so to
 * those who are started there. */
#define PROC_USER_ENV "_SHALE_USER"
bool proc_is_user(void);
/* Full path of a program in PATH into ret (size n): 0, or -SHALE_NOT_FOUND. */
int proc_which(const char *name, char *ret, size_t n, struct shale_err *e);

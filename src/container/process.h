/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Processes by number and start time, so that a number that was used again is not mistaken. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct process {
    pid_t pid;      /* 0: none */
    uint64_t start; /* ticks since boot, of /proc/PID/stat */
};

/* Start time out of the text of /proc/PID/stat. False for a process that has ended (zombie), or
 * text that is something else. Pure. */
bool process_parse_stat(const char *text, uint64_t *ret_start);
/* The process with that number; pid 0 if there is none or it has ended. */
struct process process_find(pid_t pid);
bool process_alive(const struct process *p); /* that very process */
/* A descriptor of that very process, as pidfd_open(2); -1 if it has ended, or there is no
 * descriptor. */
int process_open(const struct process *p);
/* Number in a file as runtimes write it; 0 if there is none. */
pid_t process_read_pidfile(const char *path);
/* Sends a signal if it still is that process. NOT_FOUND if it has ended. */
int process_kill(const struct process *p, int sig, struct shale_err *e);
/* Waits for its end: 1 ended, 0 the time is over (timeout_ms -1: none). -SHALE_CANCELED. */
struct cancel;
int process_wait(const struct process *p, int64_t timeout_ms, struct cancel *c,
                 struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The socket of an SSH agent for a step: one of our own, whose owner and mode are as asked for;
 * what comes there is carried to the agent, which sees us, not the step's users. A thread for each.
 */
#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define STEP_SSH_CONNECTIONS 32 /* at a time; further ones are closed at once */

struct step_ssh {
    pthread_t thread;
    char agent[108]; /* path */
    int listener;    /* -1: it does not run */
    int stop;        /* eventfd(2) */
};
#define STEP_SSH_NONE                                                                              \
    {                                                                                              \
        .listener = -1, .stop = -1                                                                 \
    }
/* Makes `name` in the folder dir_fd. NOT_FOUND: there is no agent. */
int step_ssh_start(struct step_ssh *s, int dir_fd, const char *name, const char *agent, uid_t uid,
                   gid_t gid, mode_t mode, struct shale_err *e);
void step_ssh_stop(struct step_ssh *s); /* also one that was never started */

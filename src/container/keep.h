/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The keeper of a container: a process of its own that starts it again as its restart policy wants,
 * and looks after its health and the size of its log. Only a container that has a policy other than
 * "no", a health check, or a limit of its log, has one.
 *
 * It is `keeper_command` of the host with the ID behind; that ends in container_keep. Its number is
 * in the file `keeper` of the container's folder from before keep_ensure returns until it leaves,
 * which it decides under the container's lock. So whoever holds that lock and finds it alive can
 * rely on it. One that was killed is missed at the end of the container: by the `exit_command`, or
 * by whoever looks before that has done its work, and another is put in its place. Where conmon was
 * killed as well, who looks next records a plain end.
 *
 * Files: keeper ("PID START BOOT"), health (JSON as docker's State.Health).
 */
#include "container/ctr.h"

/* Does a container made like that need one? */
bool keep_is_wanted(const struct conf *f);
struct process keep_process(struct container_host *h, const struct ctr *c); /* pid 0: none */
bool keep_is_alive(struct container_host *h, const struct ctr *c);
/* Starts one unless there is one. Lock held. UNSUPPORTED where the host names no command for it. */
int keep_ensure(struct container_host *h, const struct ctr *c, struct shale_err *e);
/* The same for a process of `exec -d` (exec.h), whose file is there: starts it. *ret_status is the
 * runtime's; 0: it runs. */
int keep_exec(struct container_host *h, const struct ctr *c, const char *exec_id, int *ret_status,
              struct shale_err *e);
#define KEEP_EXEC_STATUS "status %d\n" /* what that one writes first */
/* Starts a command of the host with the ID, and what else is not NULL, behind it; what it has to
 * say first, until it closes its output. */
#define KEEP_WORDS_MAX 640
int keep_launch(const char *const *command, const char *id, const char *more,
                char ret_words[KEEP_WORDS_MAX], struct shale_err *e);
/* The same for one that runs, and whose keeper may have been killed, if it needs one. Takes the
 * lock. */
int keep_again(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e);
/* Does its policy, as the row has it, start it again after an end with that status? */
bool keep_restarts(const struct meta_container *row, int status);

/* container_start of one that is "restarting"; nothing when it is not. In start.c. */
int start_again(struct container_host *h, const char *container, struct shale_err *e);

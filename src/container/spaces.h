/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Namespaces of a container that it has in common with others, and its /dev/shm (the one of the
 * network is in endpoint.h). Found anew at every start: those of another container are those that
 * its process has now.
 *
 * One whose IPC can be joined ("shareable") has a tmpfs at containers/<id>/shm, which is bound into
 * it and into those that join.
 */
#include "container/ctr.h"

#define SPACES_DEPTH_MAX 16 /* containers that join one another */

struct spaces {
    struct space {
        const char *joins; /* "/proc/<pid>/fd/<fd>" of ours, open until spaces_close; NULL */
        int fd;
        bool host; /* also by joining one that has the host's */
    } v[NS_KINDS];
    const char *shm; /* on the host; NULL: a new one inside */
    bool no_shm;
};
/* Container's lock held. CONFLICT: one that it joins does not run; INVALID: it is not there, or
 * does not share. What was mounted is undone by spaces_undo, also when it fails. */
int spaces_setup(struct container_host *h, struct arena *a, const struct ctr *c, struct spaces *ret,
                 struct shale_err *e);
/* The container has been made: nobody opens them any more. */
void spaces_close(struct spaces *s);
/* Harmless where there is nothing. */
void spaces_undo(const struct ctr *c, struct arena *a);
/* Has it processes of its own alone? */
bool spaces_own_pids(const struct conf *c);

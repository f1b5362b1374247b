/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The health of a container: what its keeper finds out (health_begin, health_due, health_probe),
 * and what others read of that (health_load).
 *
 * It is kept in the file `health` of the container's folder, as JSON of docker's State.Health, with
 * the start that it is of beside ("StartedAt", ns). One whose keeper was killed, or that does not
 * run, is "unhealthy", as with docker: nobody looks.
 */
#include "container/ctr.h"
#include "model/health.h"

struct health { /* of one start; of the keeper */
    const struct ctr *c;
    struct health_state state;
    int64_t due_ns; /* monotonic: when the next check is to run */
    json_t *log;    /* owned */
};
#define HEALTH_INIT                                                                                \
    {                                                                                              \
        .c = NULL                                                                                  \
    }
/* `c` is borrowed for as long as it is looked after. Nothing happens where there is no check. */
int health_begin(struct health *x, struct container_host *h, const struct ctr *c,
                 struct shale_err *e);
void health_end(struct health *x);
/* Milliseconds until the next check; -1: there is none. */
int64_t health_wait_ms(const struct health *x);
/* Runs the check and writes down what came of it; a paused container is left alone. Only what keeps
 * us from writing is an error, and -SHALE_CANCELED. */
int health_probe(struct health *x, struct container_host *h, struct shale_err *e);

/* HEALTH_NONE where there is no check. */
enum health_status health_status(struct container_host *h, const struct ctr *c);
/* Before it is asked for: what makes it another one is watched from here on. */
void health_watch(struct container_host *h, const struct ctr *c, struct shale_ps_watch *w);
/* What is shown: the status, and docker's State.Health as text ("" where there is no check). */
struct health_shown {
    enum health_status status;
    const char *json;
};
int health_load(struct container_host *h, const struct ctr *c, struct arena *a,
                struct health_shown *ret, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Restart policies of containers, as docker writes them: "no", "always", "unless-stopped",
 * "on-failure", "on-failure:3". Pure. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum restart_when { RESTART_NO, RESTART_ALWAYS, RESTART_UNLESS_STOPPED, RESTART_ON_FAILURE };

struct restart_policy {
    enum restart_when when;
    int64_t max; /* how often with on-failure, 0: without end */
};

/* "" is "no". INVALID with docker's words. */
int restart_parse(const char *text, struct restart_policy *ret, struct shale_err *e);
const char *restart_name(enum restart_when when);
/* False: there is no such name. */
bool restart_by_name(const char *name, enum restart_when *ret);
/* Is one started again that has ended with that status after so many restarts? */
bool restart_applies(const struct restart_policy *p, int status, int64_t restarts);
/* How long to wait before the next restart: 100 ms, doubled each time up to a minute, and from the
 * beginning after ten seconds of running. `last_ns` is what it was before, 0: there was none. */
int64_t restart_pause_ns(int64_t last_ns, int64_t ran_ns);

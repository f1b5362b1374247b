/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Health checks as docker has them (Healthcheck of an image config): which there are, how often
 * they run, and what their outcomes make of a container. Pure. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/config.h"

#define HEALTH_LOG_MAX    5    /* outcomes that are kept */
#define HEALTH_OUTPUT_MAX 4096 /* bytes kept of what one of them writes */

enum health_status { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
const char *health_name(enum health_status s); /* "none", "starting" … */
bool health_by_name(const char *name, enum health_status *ret);

/* Is there something to run? Not with ["NONE"], without a test, or with one of a kind that is not
 * known. */
bool health_is_probed(const struct config_health *h);
/* Negative or tiny times and counts. INVALID with docker's words. */
int health_check(const struct config_health *h, struct shale_err *e);
/* Puts what `over` sets in place of what `base` has. */
void health_merge(struct config_health *base, const struct config_health *over);

int64_t health_timeout_ns(const struct config_health *h);
/* Until the next check of one that was started that long ago. */
int64_t health_interval_ns(const struct config_health *h, enum health_status now,
                           int64_t since_start_ns);

struct health_state {
    enum health_status status;
    int64_t failing; /* in a row */
};
/* One outcome: 0 is good. begin_ns: when it began, after the start of the container. True: the
 * status has changed. */
bool health_take(struct health_state *s, const struct config_health *h, int exit_code,
                 int64_t begin_ns);

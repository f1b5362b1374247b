/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Image config (image-spec config.md plus docker's extra members). Values live in the arena, `raw`
 * is the parsed document and is released with the arena. */
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/digest.h"
#include "model/platform.h"

struct config_history {
    int64_t created_ns;                        /* TIME_NONE when absent */
    const char *author, *created_by, *comment; /* NULL when absent */
    bool empty_layer;
};
struct config_health { /* docker: Healthcheck */
    struct strv test;
    int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns, retries;
};
struct config_run { /* "config": what containers get */
    const char *user, *working_dir, *stop_signal;
    struct strv env, entrypoint, cmd, exposed_ports, volumes, onbuild, shell;
    struct strmap labels;
    bool args_escaped, has_health;
    struct config_health health;
};
struct config {
    int64_t created_ns; /* TIME_NONE when absent */
    const char *author, *docker_version, *comment;
    struct platform platform;
    struct config_run run;
    struct digest *diff_ids;
    size_t n_diff_ids;
    struct config_history *history; /* oldest first */
    size_t n_history;
    const json_t *raw;        /* whole document */
    const json_t *raw_config; /* its "config" member, NULL if absent */
};

/* Checks types, rootfs.type "layers" ("invalid rootfs in image configuration"), diff_ids' format
 * and LIMIT_LAYERS. History that does not fit the layers is an error of those who show it, not
 * here. */
int config_parse(const void *p, size_t n, struct arena *a, struct config *ret, struct shale_err *e);

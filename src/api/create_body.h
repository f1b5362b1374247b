/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The body of POST /containers/create: docker's Config, HostConfig and NetworkingConfig as the
 * options of shale_create. Members that do not exist are ignored, as docker does; those that ask
 * for what is not there are UNSUPPORTED, with their name; what makes no sense is INVALID. Values
 * are checked further by shale_create.
 *
 * Strings of the result live in the arena. Thread-safe.
 */
#include <shale/container.h>

#include "api/api.h"

int create_body_take(struct api_req *q, const json_t *body, struct shale_create_opts *ret,
                     struct shale_err *e);

/* The members of HostConfig (and of the body of an update) that are limits; RestartPolicy as the
 * word of --restart, NULL where there is none. */
struct create_limits {
    int64_t memory, nano_cpus, pids_limit;
    struct shale_more_limits more;
    int64_t blkio_weight;      /* of a new one alone */
    const char *cgroup_parent; /* the same; "" */
    const char *restart;
};
int create_body_limits(struct api_req *q, const json_t *obj, struct create_limits *ret,
                       struct shale_err *e);

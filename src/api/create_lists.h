/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lists of create_body.h that are objects in docker's JSON and texts in the options of
 * shale_create. Results are NULL-terminated, NULL where there is nothing, and live in the request's
 * arena.
 */
#include <shale/container.h>

#include "api/api.h"

#define CREATE_LIST_MAX 20000 /* entries of one list */

int body_ports(struct api_req *q, const json_t *bindings, const char *const **ret,
               struct shale_err *e);
int body_devices(struct api_req *q, const json_t *list, const char *const **ret,
                 struct shale_err *e);
/* With those of the config file that it says nothing of. */
int body_ulimits(struct api_req *q, const json_t *list, const char *const **ret,
                 struct shale_err *e);

/* [{"Path": "/dev/x", "Rate": 1}]; `value` is "Rate" or "Weight". */
int body_blkio(struct api_req *q, const json_t *list, const char *value, const char *const **ret,
               struct shale_err *e);

struct body_mounts {
    const struct strv *binds;   /* "source:target:options" */
    const json_t *mounts;       /* array of objects */
    const struct strmap *tmpfs; /* target: options */
    const struct strv *volumes; /* targets of anonymous ones */
};
int body_mounts(struct api_req *q, const struct body_mounts *m, struct shale_create_opts *o,
                struct shale_err *e);
/* HostConfig.NetworkMode and NetworkingConfig. */
int body_networks(struct api_req *q, const char *mode, const json_t *networking,
                  struct shale_create_opts *o, struct shale_err *e);

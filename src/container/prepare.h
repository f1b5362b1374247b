/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Everything between a container's row and a bundle that a runtime can run. */
#include "container/ctr.h"
#include "container/user.h"

/* Makes the folder, mounts the root, fills new volumes, makes the working directory, writes the
 * network files and config.json, and connects it to its networks: c->net then has sockets, for
 * endpoints_close. Lock held. What it made is undone by ctr_unprepare, by the caller, also when it
 * fails. */
int prepare_bundle(struct container_host *h, struct arena *a, struct ctr *c,
                   const struct runtime *rt, struct shale_err *e);
/* The last part of that: writes config.json for what is in c->conf, c->dir and c->net. */
int prepare_spec(const struct ctr *c, struct arena *a, const struct runtime *rt,
                 const struct user *user, struct shale_err *e);
/* Limits that this runtime cannot keep here: UNSUPPORTED. */
int prepare_check_limits(const struct conf *c, const struct runtime *rt, struct shale_err *e);
/* Where no device control group keeps a device file of the image, or one made by the container,
 * from being the host's disk: the mounted root gives access to none. */
int prepare_forbid_devices(const struct conf *c, const struct runtime *rt, const char *merged,
                           struct shale_err *e);
/* Capabilities of a container with that runtime. */
int prepare_caps(const struct conf *c, const struct runtime *rt, uint64_t *ret,
                 struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A container as the public API shows it, in the arena. */
#include "container/ctr.h"
#include "image/image.h"

enum {
    SHOW_SIZE = 1 << 0,  /* what it has written is measured */
    SHOW_BRIEF = 1 << 1, /* config_json, host_config_json and paths are "" */
};
int show_networks(struct container_host *h, const struct ctr *c, struct arena *a,
                  struct shale_container *ret, struct shale_err *e);
int show_container(struct container_host *h, const struct ctr *c, unsigned flags, struct arena *a,
                   struct shale_container *ret, struct shale_err *e);

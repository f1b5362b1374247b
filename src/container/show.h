/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A container as the public API shows it, in the arena. */
#include "container/ctr.h"
#include "image/image.h"

int show_networks(struct container_host *h, const struct ctr *c, struct arena *a,
                  struct shale_container *ret, struct shale_err *e);
int show_container(struct container_host *h, const struct ctr *c, bool with_size, struct arena *a,
                   struct shale_container *ret, struct shale_err *e);

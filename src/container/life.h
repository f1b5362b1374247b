/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The functions of <shale/life.h>, one to one; see container.h for the rules. */
#include <shale/life.h>

#include "container/container.h"
#include "container/ctr.h"
#include "image/image.h"

int container_rename(struct container_host *h, const char *container, const char *name,
                     struct shale_err *e);
int container_restart(struct container_host *h, const char *container, const char *signal,
                      int64_t timeout_s, struct shale_err *e);
int container_pause(struct container_host *h, const char *container, struct shale_err *e);
int container_unpause(struct container_host *h, const char *container, struct shale_err *e);
int container_top(struct container_host *h, const char *container, const char *const *ps_args,
                  struct arena *a, struct shale_top *ret, struct shale_err *e);
int container_prune(struct container_host *h, const struct shale_container_prune_opts *o,
                    struct arena *a, struct shale_container_pruned *ret, struct shale_err *e);

/* shale_rmi: with `cascade` the stopped containers of the image go before it. */
int container_remove_image(struct container_host *h, struct image_host *images, const char *what,
                           const struct shale_rmi_opts *o, struct arena *a,
                           struct shale_rmi_result *ret, struct shale_err *e);
/* Before a removal of an image: brings the rows of those of its containers up to date that ended
 * unwatched, and of those of its relatives (image_removal_near). */
int container_refresh_users(struct container_host *h, struct image_host *images, const char *what,
                            const struct shale_rmi_opts *o, struct shale_err *e);
/* Space on disk of what a container has written; 0 where that cannot be told. */
uint64_t container_written_bytes(struct container_host *h, const char *id, struct arena *a);

/* A paused container goes on (a signal reaches it only then); one that is not paused is left
 * alone. */
int life_thaw(struct container_host *h, struct arena *a, struct ctr *c, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a container sees, for us to look at and write to: its root with its volumes, bind mounts and
 * /etc/hosts …, put together in a mount namespace of its own that no process is in. It goes when
 * the view is closed, or with this process, and is seen by nobody else. One that does not run stays
 * locked meanwhile, so that it is not started or removed.
 *
 *   struct cp_view v = CP_VIEW_INIT;
 *   cp_view_open(h, arena, &c, &v, e);
 *   inroot_open(v.root_fd, …);
 *   cp_view_close(&v);
 */
#include "container/ctr.h"

struct cp_view {
    int root_fd, ns_fd, lock_fd;
};
#define CP_VIEW_INIT                                                                               \
    {                                                                                              \
        -1, -1, -1                                                                                 \
    }

int cp_view_open(struct container_host *h, struct arena *a, struct ctr *c, struct cp_view *v,
                 struct shale_err *e);
void cp_view_close(struct cp_view *v);
/* DENIED, in docker's words, when nothing can be written to the folder of this descriptor. */
int cp_view_check_writable(const struct cp_view *v, const struct ctr *c, int dir_fd,
                           struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A container as the public API shows it, in the arena. */
#include "container/ctr.h"
#include "image/image.h"

enum {
    SHOW_SIZE = 1 << 0,  /* what it has written is measured */
    SHOW_BRIEF = 1 << 1, /* config_json, host_config_json, health_json and paths are "" */
};

/* What was found out for one container and holds for the next ones; zeroed: nothing yet. In the
 * arena of those that are shown. */
#define SHOW_MEMO_NAMES 256
struct show_memo {
    const char *driver; /* NULL: not asked */
    struct {
        const char *ref; /* NULL: free */
        struct digest id;
        const char *shown;
    } images[SHOW_MEMO_NAMES]; /* by a hash of `ref`; the last one stays */
};
int show_networks(struct container_host *h, const struct ctr *c, struct arena *a,
                  struct shale_container *ret, struct shale_err *e);
/* memo may be NULL. Texts of c->row and c->conf are shared. */
int show_container(struct container_host *h, const struct ctr *c, unsigned flags,
                   struct show_memo *memo, struct arena *a, struct shale_container *ret,
                   struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by pull.c (one platform) and pull_whole.c (all of them). */
#include <pthread.h>

#include "image/copy.h"
#include "image/image_priv.h"

struct pull {
    struct image_host *h;
    const struct shale_pull_opts *o;
    struct arena *a;
    struct ref ref;
    struct platform want;
    bool want_given; /* by the user, not by this host */
    struct source *from;
    struct sink *to;
    struct store_lease *lease;
    pthread_t warmer; /* opens the driver while layers come in */
    bool warming;
    const char *name;  /* tag or digest that is being pulled */
    bool told;         /* "3.20: Pulling from library/alpine" */
    bool known;        /* the image itself is here: nothing to say of its layers */
    const char *wrong; /* warning about the platform */
    struct shale_pulled *done;
    size_t n_done, cap;
};

/* An image_name_fn and its argument: the repository's digest, and the tag. */
struct pull_naming {
    struct pull *p;
    const char *tag;             /* NULL: none */
    const struct digest *target; /* what the name stands for; NULL: as image_add says */
};
int pull_set_names(void *arg, const struct digest *target, const struct digest *id,
                   struct shale_err *e);

/* All images behind a tag (NULL: the digest of p->ref) by `co`; *ret_id is the one that the name
 * stands for. */
int pull_whole(struct pull *p, const char *tag, const struct copy_opts *co,
               struct digest *ret_target, struct digest *ret_id, struct shale_err *e);

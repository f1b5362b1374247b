/* SPDX-License-Identifier: Apache-2.0 */
/* How many containers there are; the same brings those up to date that ended unwatched. */
#include "base/cleanup.h"
#include "container/life.h"
#include "container/settled.h"
#include "image/image.h"
#include "meta/meta_content.h"

struct counting {
    struct settled settled;
    struct container_counts counts;
    struct shale_err *e;
};

static int count_row(void *arg, const struct meta_container *row)
{
    struct counting *x = arg;

    if (!settled_is(&x->settled, row))
        return settled_put_off(&x->settled, row->id, 0, x->e);
    x->counts.n_all++;
    x->counts.n_stopped++;
    return 0;
}

/* Of these images, or of all (NULL). */
static int count(struct container_host *h, const struct meta_digests *images,
                 struct container_counts *ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct counting x = {.e = e};
    struct container_counts *counts = &x.counts;
    struct meta *m = store_meta(h->store);
    int r = settled_begin(&x.settled, &a, e);

    if (r >= 0 && !images)
        r = meta_container_each(m, NULL, count_row, &x, e);
    for (size_t i = 0; r >= 0 && images && i < images->n; i++)
        r = meta_container_each(m, &images->v[i], count_row, &x, e);
    for (size_t i = 0; r >= 0 && i < x.settled.n; i++) {
        struct ctr c;
        r = settled_look(h, &x.settled.v[i], &a, &c, e);
        if (r <= 0)
            continue;
        counts->n_all++;
        if (ctr_is(&c, CTR_RUNNING))
            counts->n_running++;
        else if (ctr_is(&c, CTR_PAUSED))
            counts->n_paused++;
        else
            counts->n_stopped++;
    }
    if (r >= 0)
        *ret = x.counts;
    return r < 0 ? r : 0;
}

int container_counts(struct container_host *h, struct container_counts *ret, struct shale_err *e)
{
    return count(h, NULL, ret, e);
}

int container_refresh_users(struct container_host *h, struct image_host *images, const char *what,
                            const struct shale_rmi_opts *o, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct container_counts counts;
    struct meta_digests near;
    int r = image_removal_near(images, what, o, &a, &near, e);

    return r < 0 ? r : count(h, &near, &counts, e);
}

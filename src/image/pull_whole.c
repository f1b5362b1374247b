/* SPDX-License-Identifier: Apache-2.0 */
/* `pull --all-platforms`: every image of an index gets its row. The tag stands for the one for this
 * host; the others have the repository's digest of the index, which ties them to it. */
#include "image/pull_priv.h"

/* Without one for this host: the first. */
static size_t choose(const struct copy_images *all, const struct platform *want)
{
    size_t best = all->n;

    for (size_t i = 0; i < all->n; i++) {
        const struct platform *p = &all->v[i].platform;
        if (platform_rank(want, p, false) >= 0 &&
            (best == all->n || platform_prefer(want, p, &all->v[best].platform, false) < 0))
            best = i;
    }
    return best == all->n ? 0 : best;
}

int pull_whole(struct pull *p, const char *tag, const struct copy_opts *co,
               struct digest *ret_target, struct digest *ret_id, struct shale_err *e)
{
    struct copy_images all;
    struct digest other;
    int r = copy_whole(p->from, tag ? tag : p->ref.digest.s, p->to, co, p->a, &all, e);

    if (r < 0)
        return r;
    size_t chosen = choose(&all, &p->want);
    struct pull_naming n = {.p = p, .target = &all.target.digest};
    for (size_t i = 0; r >= 0 && i < all.n; i++)
        if (i != chosen)
            r = image_add_other(p->h, &all.v[i], pull_set_names, &n, &other, e);
    if (r < 0)
        return r;
    struct copy_result c = all.v[chosen];
    c.target = all.target;
    n.tag = tag;
    *ret_target = all.target.digest;
    return image_add(p->h, &c, pull_set_names, &n, ret_id, e);
}

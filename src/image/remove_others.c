/* SPDX-License-Identifier: Apache-2.0 */
/* The images behind a tag that stands for a list of several platforms: it points at one of them,
 * the others have only the repository's digest of the list, and go with it. */
#include "image/image_priv.h"
#include "image/remove_priv.h"

/* Those of an index that have no tag. */
static int others(struct removal *x, const struct digest *target, struct meta_image_item **ret,
                  size_t *ret_n, struct shale_err *e)
{
    struct meta_digests ids;
    int r = meta_repo_digest_get(x->m, NULL, target, x->a, &ids, e);
    struct meta_image_item *v = r < 0 ? NULL : arena_array(x->a, ids.n + 1, sizeof *v);
    size_t n = 0;

    if (r >= 0 && !v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < ids.n; i++) {
        r = meta_image_item(x->m, &ids.v[i], x->a, &v[n], e);
        if (r == -SHALE_NOT_FOUND)
            r = 0;
        else if (r >= 0 && v[n].n_tags == 0 && !digest_eq(&v[n].image.manifest, target))
            n++;
    }
    *ret = v;
    *ret_n = n;
    return r < 0 ? r : 0;
}

/* Their names are those of the image that was shown already: nothing is said of them. */
static int drop_other(struct removal *x, const struct meta_image_item *i,
                      const struct digest *target, struct shale_err *e)
{
    size_t left = i->n_digests;
    int r = 0;

    if (i->n_containers > 0 || i->image.pinned)
        return 0;
    for (size_t k = 0; r >= 0 && k < i->n_digests; k++)
        if (digest_eq(&i->digests[k].target, target)) {
            r = meta_repo_digest_delete(x->m, i->digests[k].repo, target, &i->image.id, e);
            left--;
        }
    return r < 0 || left > 0 ? r : removal_delete(x, i->image.id, true, e);
}

int removal_drop_others(struct removal *x, struct shale_err *e)
{
    int r = 0;

    /* More may be added meanwhile. */
    for (size_t t = 0; r >= 0 && t < x->n_targets; t++) {
        struct digest target = x->targets[t];
        struct meta_image_item *v;
        size_t n = 0;
        r = meta_tag_has_target(x->m, &target, e);
        if (r == 1)
            continue;
        if (r >= 0)
            r = others(x, &target, &v, &n, e);
        for (size_t i = 0; r >= 0 && i < n; i++)
            r = drop_other(x, &v[i], &target, e);
    }
    return r < 0 ? r : 0;
}

int removal_check_others(struct removal *x, const char *what, const struct digest *target,
                         struct shale_err *e)
{
    struct meta_image_item *v;
    struct meta_container *c;
    size_t n = 0, n_containers;
    char shown[13];
    int r = digest_is_set(target) ? meta_tag_has_target(x->m, target, e) : 1;

    if (r == 0)
        r = others(x, target, &v, &n, e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        if (v[i].n_containers == 0)
            continue;
        r = meta_container_list(x->m, &v[i].image.id, x->a, &c, &n_containers, e);
        if (r < 0 || n_containers == 0)
            continue;
        digest_short(&v[i].image.id, shown);
        return err_set(e, SHALE_CONFLICT,
                       "conflict: unable to remove repository reference \"%s\" (must force) - "
                       "container %.12s is using its referenced image %s",
                       what, c[0].id, shown);
    }
    return r < 0 ? r : 0;
}

int removal_hand_over(struct removal *x, const struct digest *id, const struct digest *target,
                      struct shale_err *e)
{
    const struct platform host = platform_host();
    struct meta_image_item mine, *v;
    size_t n, best = 0;
    int r = digest_is_set(target) ? others(x, target, &v, &n, e) : 0;

    if (r < 0 || !digest_is_set(target) || n == 0)
        return r;
    for (size_t i = 1; i < n; i++) {
        struct platform a = image_platform(&v[i].image), b = image_platform(&v[best].image);
        if (platform_prefer(&host, &a, &b, false) < 0)
            best = i;
    }
    r = meta_image_item(x->m, id, x->a, &mine, e);
    for (size_t i = 0; r >= 0 && i < mine.n_tags; i++)
        if (digest_eq(&mine.tags[i].target, target))
            r = meta_tag_set(x->m, mine.tags[i].repo, mine.tags[i].tag, &v[best].image.id, target,
                             x->how, NULL, e);
    return r < 0 ? r : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of `image prune`: how many of a repository stay, how much room all may take. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/image_priv.h"
#include "image/prune_priv.h"

#define TRY_MAX_BYTES (512ull << 20) /* of what is removed on trial */

struct named {
    const char *repo;
    struct digest id;
    int64_t created_ns, added_ns;
};

int64_t prune_last_use(const struct meta_image *i)
{
    int64_t t = i->added_ns;

    if (i->last_used_ns > t)
        t = i->last_used_ns;
    return i->last_tagged_ns > t ? i->last_tagged_ns : t;
}

/* ---- keep ---- */

static int note_names(struct prune *p, const struct meta_image_item *i, const struct meta_name *v,
                      size_t n)
{
    for (size_t k = 0; k < n; k++) {
        int r = image_filter_name(p->f, &v[k], p->e);
        if (r < 0)
            return r;
        if (r == 0 || (k > 0 && p->n_named && streq(p->named[p->n_named - 1].repo, v[k].repo) &&
                       digest_eq(&p->named[p->n_named - 1].id, &i->image.id)))
            continue;
        struct named *w = arena_grow(p->x.a, p->named, p->n_named, &p->cap_named, sizeof *w);
        if (!w)
            return err_nomem(p->e);
        p->named = w;
        w[p->n_named] = (struct named){arena_strdup(p->x.a, v[k].repo), i->image.id,
                                       i->image.created_ns, i->image.added_ns};
        if (!w[p->n_named++].repo)
            return err_nomem(p->e);
    }
    return 0;
}

int prune_note_names(struct prune *p, const struct meta_image_item *i)
{
    int r = note_names(p, i, i->tags, i->n_tags);

    return r < 0 ? r : note_names(p, i, i->digests, i->n_digests);
}

static int newest_first(const void *x, const void *y)
{
    const struct named *a = x, *b = y;
    int d = strcmp(a->repo, b->repo);

    if (d)
        return d;
    if (a->created_ns != b->created_ns)
        return a->created_ns < b->created_ns ? 1 : -1;
    if (a->added_ns != b->added_ns)
        return a->added_ns < b->added_ns ? 1 : -1;
    return strcmp(a->id.s, b->id.s);
}

static int by_digest(const void *x, const void *y)
{
    return strcmp(((const struct digest *)x)->s, ((const struct digest *)y)->s);
}

int prune_keep_newest(struct prune *p)
{
    struct digest *kept = arena_array(p->x.a, p->n_named + 1, sizeof *kept);
    size_t n_kept = 0, n = 0;
    uint64_t n_of_repo = 0;

    if (!kept)
        return err_nomem(p->e);
    if (p->n_named)
        qsort(p->named, p->n_named, sizeof *p->named, newest_first);
    for (size_t i = 0; i < p->n_named; i++) {
        const struct named *w = &p->named[i];
        bool same_repo = i > 0 && streq(w[-1].repo, w->repo);
        if (same_repo && digest_eq(&w[-1].id, &w->id)) /* another of its names */
            continue;
        n_of_repo = same_repo ? n_of_repo + 1 : 1;
        if (n_of_repo <= p->o->keep)
            kept[n_kept++] = w->id;
    }
    if (n_kept)
        qsort(kept, n_kept, sizeof *kept, by_digest);
    for (size_t i = 0; i < p->n; i++)
        if (!n_kept || !bsearch(&p->v[i].id, kept, n_kept, sizeof *kept, by_digest))
            p->v[n++] = p->v[i];
    p->n = n;
    return 0;
}

/* ---- size ---- */

static int longest_unused_first(const void *x, const void *y)
{
    const struct candidate *a = x, *b = y;

    if (a->last_use_ns != b->last_use_ns)
        return a->last_use_ns < b->last_use_ns ? -1 : 1;
    if (a->created_ns != b->created_ns)
        return a->created_ns < b->created_ns ? -1 : 1;
    return strcmp(a->id.s, b->id.s);
}

/* What the removal of the first n candidates frees: they are removed, counted and put back. */
static int freed_by(struct prune *p, size_t n, uint64_t *ret)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(TRY_MAX_BYTES);
    struct prune try = *p;
    int r = meta_begin(p->x.m, p->e);

    if (r < 0)
        return r;
    try.x.a = &a;
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = prune_image(&try, &p->v[i].id);
    if (r >= 0)
        r = removal_drop_others(&try.x, p->e);
    if (r >= 0)
        r = removal_sweep(&try.x, true, ret, p->e);
    meta_rollback(p->x.m);
    return r;
}

/* Images share layers, so what one frees depends on those before it; but more of them never free
 * less, and the least number that does is found by halves. */
int prune_limit_size(struct prune *p, struct cancel *c, uint64_t *ret_total)
{
    uint64_t freed = 0;
    size_t low = 0, high = p->n;
    int r = store_content_bytes(p->x.s, ret_total, p->e);

    if (p->n)
        qsort(p->v, p->n, sizeof *p->v, longest_unused_first);
    while (r >= 0 && low < high) {
        size_t middle = low + (high - low) / 2;
        r = cancel_check(c, p->e);
        if (r >= 0)
            r = freed_by(p, middle, &freed);
        if (*ret_total <= freed || *ret_total - freed <= p->o->max_bytes)
            high = middle;
        else
            low = middle + 1;
    }
    p->n = low;
    return r < 0 ? r : 0;
}

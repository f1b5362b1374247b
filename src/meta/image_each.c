/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All images with their names and counts, in one pass: names and counts are read first, each by one
 * query ordered by image, and found through a hash table while the images go by.
 */
#include <string.h>

#include "base/cleanup.h"
#include "meta/image_row.h"

#define EACH_MAX_BYTES (1ull << 30)

struct group { /* what belongs to one image */
    struct digest image;
    const struct meta_name *tags, *digests;
    size_t n_tags, n_digests;
    uint32_t n_children, n_containers;
};

struct groups {
    struct arena a;
    struct group *v; /* open addressing, by the digest's own bits; an empty place has no image */
    size_t mask, n;
};

static uint64_t hash_of(const struct digest *d)
{
    uint64_t h;

    memcpy(&h, digest_hex(d), sizeof h);
    return h * 0x9e3779b97f4a7c15ull >> 17;
}

static struct group *find(const struct groups *g, const struct digest *image)
{
    size_t i = hash_of(image) & g->mask;

    while (digest_is_set(&g->v[i].image) && !digest_eq(&g->v[i].image, image))
        i = (i + 1) & g->mask;
    return &g->v[i];
}

/* Room for every image that rows speak of, half empty. */
static int make_table(struct meta *m, struct groups *g, struct shale_err *e)
{
    int64_t n;
    size_t size = 64;
    int r =
        stmt_number(m,
                    "SELECT (SELECT count(*) FROM images) + (SELECT count(*) FROM tags)"
                    " + (SELECT count(*) FROM repo_digests) + (SELECT count(*) FROM containers)",
                    0, &n, e, "");

    if (r < 0)
        return r;
    while (size < 2 * (uint64_t)n)
        size *= 2;
    g->v = arena_array(&g->a, size, sizeof *g->v);
    g->mask = size - 1;
    return g->v ? 0 : err_nomem(e);
}

static struct group *group_of(struct groups *g, const struct digest *image)
{
    struct group *p;

    if (!digest_is_set(image))
        return NULL;
    p = find(g, image);
    p->image = *image;
    return p;
}

/* Repositories come in runs when they are ordered by repository: one copy serves a run. */
struct names {
    struct meta_name *v;
    size_t n, cap;
    const char *last_repo;
};

static int add_name(struct groups *g, struct names *l, const struct stmt *q, bool is_tag,
                    struct shale_err *e)
{
    struct meta_name *v = arena_grow(&g->a, l->v, l->n, &l->cap, sizeof *v);
    const char *repo = col_text(q, 1);

    if (!v)
        return err_nomem(e);
    l->v = v;
    v += l->n++;
    if (!l->last_repo || strcmp(l->last_repo, repo) != 0)
        l->last_repo = arena_strdup(&g->a, repo);
    v->repo = l->last_repo;
    v->tag = is_tag ? col_dup(q, 2, &g->a) : NULL;
    col_digest(q, 3, &v->target);
    v->updated_ns = col_i64(q, 4);
    return v->repo && (v->tag || !is_tag) ? 0 : err_nomem(e);
}

/* Names ordered by image lie side by side; the array is complete before anybody points into it. */
static int load_names(struct meta *m, const char *sql, bool is_tag, struct groups *g,
                      struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct digest *images = NULL;
    struct names l = {0};
    size_t cap = 0;
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        struct digest *w = arena_grow(&g->a, images, l.n, &cap, sizeof *w);
        if (!w)
            return err_nomem(e);
        images = w;
        col_digest(&q, 0, &images[l.n]);
        r = add_name(g, &l, &q, is_tag, e);
        if (r < 0)
            return r;
    }
    for (size_t i = 0, n; r >= 0 && i < l.n; i += n) {
        for (n = 1; i + n < l.n && digest_eq(&images[i + n], &images[i]);)
            n++;
        struct group *p = group_of(g, &images[i]);
        if (p && is_tag) {
            p->tags = &l.v[i];
            p->n_tags = n;
        } else if (p) {
            p->digests = &l.v[i];
            p->n_digests = n;
        }
    }
    return r;
}

static int load_counts(struct meta *m, const char *sql, size_t offset, struct groups *g,
                       struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        struct digest image;
        col_digest(&q, 0, &image);
        struct group *p = digest_is_set(&image) ? find(g, &image) : NULL;
        if (!p)
            continue;
        p->image = image;
        *(uint32_t *)((char *)p + offset) = (uint32_t)col_i64(&q, 1);
    }
    return r;
}

static int load(struct meta *m, struct groups *g, struct shale_err *e)
{
    int r = make_table(m, g, e);

    if (r >= 0)
        r = load_names(
            m, "SELECT image, repo, tag, target, updated FROM tags ORDER BY image, repo, tag", true,
            g, e);
    if (r >= 0)
        r = load_names(m,
                       "SELECT image, repo, '', digest, updated FROM repo_digests ORDER BY image, "
                       "repo, digest",
                       false, g, e);
    if (r >= 0)
        r = load_counts(m, "SELECT image, count(*) FROM containers GROUP BY image",
                        offsetof(struct group, n_containers), g, e);
    return r < 0 ? r
                 : load_counts(m,
                               "SELECT parent, count(*) FROM images WHERE parent <> '' AND held = "
                               "0 AND parent IN"
                               " (SELECT id FROM images) GROUP BY parent",
                               offsetof(struct group, n_children), g, e);
}

static void fill(const struct groups *g, struct meta_image_item *item)
{
    const struct group *p = find(g, &item->image.id);

    item->tags = p->tags;
    item->n_tags = p->n_tags;
    item->digests = p->digests;
    item->n_digests = p->n_digests;
    item->n_children = p->n_children;
    item->n_containers = p->n_containers;
}

static int walk(struct meta *m, const struct groups *g,
                int (*f)(void *arg, const struct meta_image_item *i), void *arg,
                struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, IMAGE_COLUMNS " WHERE held = 0 ORDER BY created DESC, id", &q, e);

    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        struct meta_image_item item;
        image_row_read(&q, &item.image);
        fill(g, &item);
        r = f(arg, &item);
        if (r != 0)
            return r;
    }
    return r;
}

int meta_image_each(struct meta *m, int (*f)(void *arg, const struct meta_image_item *i), void *arg,
                    struct shale_err *e)
{
    struct groups g = {.a = ARENA_INIT(EACH_MAX_BYTES)};

    pthread_mutex_lock(&m->mutex);
    int r = load(m, &g, e);
    if (r >= 0)
        r = walk(m, &g, f, arg, e);
    pthread_mutex_unlock(&m->mutex);
    arena_clear(&g.a);
    return r;
}

int meta_image_item(struct meta *m, const struct digest *id, struct arena *a,
                    struct meta_image_item *ret, struct shale_err *e)
{
    struct meta_image_item item = {0};
    struct meta_name *names;
    int64_t n_children, n_containers;
    size_t n;
    int r = meta_image_get(m, id, a, &item.image, e);

    if (r >= 0)
        r = meta_image_names(m, id, a, &names, &n, e);
    if (r >= 0)
        r = stmt_number(
            m, "SELECT count(*) FROM images WHERE parent = ?1 AND parent <> '' AND held = 0", 0,
            &n_children, e, "d", id);
    if (r >= 0)
        r = stmt_number(m, "SELECT count(*) FROM containers WHERE image = ?1", 0, &n_containers, e,
                        "d", id);
    if (r < 0)
        return r;
    item.tags = names;
    while (item.n_tags < n && names[item.n_tags].tag)
        item.n_tags++;
    item.digests = names + item.n_tags;
    item.n_digests = n - item.n_tags;
    item.n_children = (uint32_t)n_children;
    item.n_containers = (uint32_t)n_containers;
    *ret = item;
    return 0;
}

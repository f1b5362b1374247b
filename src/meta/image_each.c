/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All images with their names and counts, in one pass: names and counts are read first, each by one
 * query ordered by image, and found through a hash table while the images go by.
 */
#include <string.h>

#include "base/cleanup.h"
#include "meta/image_row.h"

#define EACH_MAX_BYTES (1ull << 30)

/* Rows that belong to images, found by image. Rows of one image are a run of their array. */
struct run {
    const char *image;
    uint32_t first, n;
};
struct slot {
    uint32_t hash; /* looked at first: most of what is far away need not be */
    uint32_t run;  /* + 1; 0: free */
};
struct index {
    struct run *v;
    size_t n, cap;
    struct slot *table; /* open addressing */
    size_t mask;
};

struct names {
    struct meta_name *v;
    size_t n, cap;
    const char *last_repo; /* repositories come in runs: one copy serves a run */
    struct index by_image;
};

struct groups {
    struct arena *a;
    struct names tags, digests;
    struct index containers, children; /* n is the count */
};

/* ---- indexes ---- */

static uint32_t hash_of(const char *digest)
{
    uint64_t h = 0xcbf29ce484222325ull;
    const char *hex = strchr(digest, ':');

    /* sixteen digits of a hash are as good as any hash of them, and cheap */
    for (size_t i = 0; hex && i < 16 && hex[i]; i++)
        h = (h ^ (unsigned char)hex[i]) * 0x100000001b3ull;
    return (uint32_t)(h ^ h >> 29);
}

static struct slot *slot_of(const struct index *x, const char *image, uint32_t hash)
{
    size_t i = hash & x->mask;

    while (x->table[i].run &&
           (x->table[i].hash != hash || strcmp(x->v[x->table[i].run - 1].image, image) != 0))
        i = (i + 1) & x->mask;
    return &x->table[i];
}

static const struct run *find(const struct index *x, const char *image, uint32_t hash)
{
    uint32_t k = x->n ? slot_of(x, image, hash)->run : 0;

    return k ? &x->v[k - 1] : NULL;
}

/* The run that a row of `image` belongs to: the last one, or a new one. */
static struct run *run_of(struct groups *g, struct index *x, const char *image, size_t first)
{
    if (x->n && strcmp(x->v[x->n - 1].image, image) == 0)
        return &x->v[x->n - 1];
    struct run *v = arena_grow(g->a, x->v, x->n, &x->cap, sizeof *v);
    if (!v)
        return NULL;
    x->v = v;
    v += x->n++;
    *v = (struct run){arena_strdup(g->a, image), (uint32_t)first, 0};
    return v->image ? v : NULL;
}

/* Half empty; made when all runs are there. */
static int make_table(struct groups *g, struct index *x, struct shale_err *e)
{
    size_t size = 16;

    while (size < 2 * x->n)
        size *= 2;
    x->table = arena_array(g->a, size, sizeof *x->table);
    x->mask = size - 1;
    if (!x->table)
        return err_nomem(e);
    for (size_t i = 0; i < x->n; i++) {
        uint32_t hash = hash_of(x->v[i].image);
        *slot_of(x, x->v[i].image, hash) = (struct slot){hash, (uint32_t)i + 1};
    }
    return 0;
}

/* ---- rows ---- */

static int add_name(struct groups *g, struct names *l, const struct stmt *q, bool is_tag,
                    struct shale_err *e)
{
    struct run *run = run_of(g, &l->by_image, col_text(q, 0), l->n);
    struct meta_name *v = arena_grow(g->a, l->v, l->n, &l->cap, sizeof *v);
    const char *repo = col_text(q, 1);

    if (!v || !run)
        return err_nomem(e);
    l->v = v;
    v += l->n++;
    run->n++;
    if (!l->last_repo || strcmp(l->last_repo, repo) != 0)
        l->last_repo = arena_strdup(g->a, repo);
    v->repo = l->last_repo;
    v->tag = is_tag ? col_dup(q, 2, g->a) : NULL;
    col_digest(q, 3, &v->target);
    v->updated_ns = col_i64(q, 4);
    return v->repo && (v->tag || !is_tag) ? 0 : err_nomem(e);
}

/* Room for all rows at once: growing would keep every smaller array. */
static int reserve(struct meta *m, const char *count_sql, struct groups *g, struct names *l,
                   struct shale_err *e)
{
    int64_t n;
    int r = stmt_number(m, count_sql, 0, &n, e, "");

    if (r < 0)
        return r;
    l->cap = (size_t)n + 16;
    l->by_image.cap = (size_t)n + 16;
    l->v = arena_array(g->a, l->cap, sizeof *l->v);
    l->by_image.v = arena_array(g->a, l->by_image.cap, sizeof *l->by_image.v);
    return l->v && l->by_image.v ? 0 : err_nomem(e);
}

static int load_names(struct meta *m, const char *sql, bool is_tag, struct groups *g,
                      struct names *l, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        r = add_name(g, l, &q, is_tag, e);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : make_table(g, &l->by_image, e);
}

static int load_counts(struct meta *m, const char *sql, struct groups *g, struct index *x,
                       struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        struct run *run = run_of(g, x, col_text(&q, 0), 0);
        if (!run)
            return err_nomem(e);
        run->n = (uint32_t)col_i64(&q, 1);
    }
    return r < 0 ? r : make_table(g, x, e);
}

static int load(struct meta *m, struct groups *g, struct shale_err *e)
{
    int r = reserve(m, "SELECT count(*) FROM tags", g, &g->tags, e);

    if (r >= 0)
        r = reserve(m, "SELECT count(*) FROM repo_digests", g, &g->digests, e);
    if (r >= 0)
        r = load_names(m,
                       "SELECT image, repo, tag, target, updated FROM tags"
                       " ORDER BY image, repo, tag",
                       true, g, &g->tags, e);
    if (r >= 0)
        r = load_names(m,
                       "SELECT image, repo, '', digest, updated FROM repo_digests"
                       " ORDER BY image, repo, digest",
                       false, g, &g->digests, e);
    if (r >= 0)
        r = load_counts(m, "SELECT image, count(*) FROM containers GROUP BY image", g,
                        &g->containers, e);
    return r < 0 ? r
                 : load_counts(m,
                               "SELECT parent, count(*) FROM images WHERE parent <> '' AND held = 0"
                               " AND parent IN (SELECT id FROM images) GROUP BY parent",
                               g, &g->children, e);
}

static void fill_names(const struct names *l, const char *image, uint32_t hash,
                       const struct meta_name **ret, size_t *ret_n)
{
    const struct run *run = find(&l->by_image, image, hash);

    *ret = run ? &l->v[run->first] : NULL;
    *ret_n = run ? run->n : 0;
}

static void fill(const struct groups *g, struct meta_image_item *item)
{
    const char *id = item->image.id.s;
    uint32_t hash = hash_of(id);
    const struct run *children = find(&g->children, id, hash);
    const struct run *containers = find(&g->containers, id, hash);

    fill_names(&g->tags, id, hash, &item->tags, &item->n_tags);
    fill_names(&g->digests, id, hash, &item->digests, &item->n_digests);
    item->n_children = children ? children->n : 0;
    item->n_containers = containers ? containers->n : 0;
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
        if (r == -SHALE_NO_MEMORY)
            r = err_nomem(e);
        if (r != 0)
            return r;
    }
    return r;
}

int meta_image_each(struct meta *m, int (*f)(void *arg, const struct meta_image_item *i), void *arg,
                    struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(EACH_MAX_BYTES);
    struct groups g = {.a = &a};
    /* A query that is under way keeps what all of them see as it was when it began: no image goes
     * by without its names because another process tagged it in between. */
    _cleanup_(stmt_close) struct stmt snapshot = {0};
    int r = stmt_open(m, "SELECT name FROM sqlite_master", &snapshot, e);

    if (r >= 0)
        r = stmt_step(&snapshot, e);
    if (r >= 0)
        r = load(m, &g, e);
    return r < 0 ? r : walk(m, &g, f, arg, e);
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

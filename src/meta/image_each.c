/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All images with their names and counts, in one pass: names and counts are read first, each by one
 * query ordered by image, and found through a hash table while the images go by. A listing of
 * thousands should not take longer than a blink: images are read in the order of the table, not
 * through an index, and nothing is counted beforehand. Where little of them is wanted, an index has
 * all of it: images and names then go by side by side, in the order of IDs, and nothing is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
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
    struct run *v; /* of the heap, as struct names' v: arenas keep what was outgrown */
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
    unsigned flags;
    struct arena a;      /* texts, tables */
    struct arena *texts; /* of names: &a, or the caller's */
    struct names tags, digests;
    struct index containers, children; /* n is the count */
    struct index targets;              /* of tags; made when first needed */
};

static void groups_clear(struct groups *g)
{
    free(g->tags.v);
    free(g->tags.by_image.v);
    free(g->digests.v);
    free(g->digests.by_image.v);
    free(g->containers.v);
    free(g->children.v);
    free(g->targets.v);
    arena_clear(&g->a);
}

static void *grown(void *v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return v;
    size_t more = *cap ? *cap * 2 : 64;
    void *p = more > EACH_MAX_BYTES / size ? NULL : mem_resize(v, more * size);
    if (p)
        *cap = more;
    return p;
}

/* ---- indexes ---- */

/* Digits of a hash are as good as any hash of them. */
static uint32_t hash_of(const char *digest)
{
    const char *hex = strchr(digest, ':');
    uint64_t h = 0;

    if (hex && strnlen(hex + 1, sizeof h) == sizeof h)
        memcpy(&h, hex + 1, sizeof h);
    return (uint32_t)(h * 0x9e3779b97f4a7c15ull >> 32);
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
    struct run *v = grown(x->v, x->n, &x->cap, sizeof *v);
    if (!v)
        return NULL;
    x->v = v;
    v += x->n++;
    *v = (struct run){arena_strdup(&g->a, image), (uint32_t)first, 0};
    return v->image ? v : NULL;
}

/* Half empty; made when all runs are there. */
static int make_table(struct groups *g, struct index *x, struct shale_err *e)
{
    size_t size = 16;

    while (size < 2 * x->n)
        size *= 2;
    x->table = arena_array(&g->a, size, sizeof *x->table);
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

static const char *repo_of(struct groups *g, struct names *l, const char *repo)
{
    if (!l->last_repo || strcmp(l->last_repo, repo) != 0)
        l->last_repo = arena_strdup(g->texts, repo);
    return l->last_repo;
}

static int add_name(struct groups *g, struct names *l, const struct stmt *q, bool is_tag,
                    struct shale_err *e)
{
    struct run *run = run_of(g, &l->by_image, col_text(q, 0), l->n);
    struct meta_name *v = grown(l->v, l->n, &l->cap, sizeof *v);

    if (v)
        l->v = v;
    if (!v || !run)
        return err_nomem(e);
    v += l->n++;
    run->n++;
    v->repo = repo_of(g, l, col_text(q, 1));
    v->tag = is_tag ? col_dup(q, 2, g->texts) : NULL;
    col_digest(q, 3, &v->target);
    v->updated_ns = col_i64(q, 4);
    return v->repo && (v->tag || !is_tag) ? 0 : err_nomem(e);
}

/* Has the image a tag of that repository? Images come in the order of their IDs, as those of the
 * tags did: *at is where in them we are. */
static bool is_tagged(const struct names *tags, size_t *at, const char *image, const char *repo)
{
    const struct index *x = &tags->by_image;
    int order = -1;

    while (*at < x->n && (order = strcmp(x->v[*at].image, image)) < 0)
        (*at)++;
    for (uint32_t i = 0; order == 0 && i < x->v[*at].n; i++)
        if (strcmp(tags->v[x->v[*at].first + i].repo, repo) == 0)
            return true;
    return false;
}

enum which { TAGS, DIGESTS, UNTAGGED_DIGESTS };

static int load_names(struct meta *m, const char *sql, enum which which, struct groups *g,
                      struct names *l, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);
    size_t at = 0;

    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        if (which == UNTAGGED_DIGESTS && is_tagged(&g->tags, &at, col_text(&q, 0), col_text(&q, 1)))
            continue;
        r = add_name(g, l, &q, which == TAGS, e);
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
        run->n += (uint32_t)col_i64(&q, 1);
    }
    return r < 0 ? r : make_table(g, x, e);
}

#define TAGS_ORDERED "SELECT image, repo, tag, target, updated FROM tags ORDER BY image, repo, tag"
#define DIGESTS_ORDERED                                                                            \
    "SELECT image, repo, '', digest, updated FROM repo_digests ORDER BY image, repo, digest"

static int load_all_names(struct meta *m, struct groups *g, struct shale_err *e)
{
    enum which digests = g->flags & META_EACH_ALL_DIGESTS ? DIGESTS : UNTAGGED_DIGESTS;
    int r = load_names(m, TAGS_ORDERED, TAGS, g, &g->tags, e);

    return r < 0 ? r : load_names(m, DIGESTS_ORDERED, digests, g, &g->digests, e);
}

static int load_numbers(struct meta *m, struct groups *g, struct shale_err *e)
{
    int r = load_counts(m,
                        "SELECT image, count(*) FROM containers GROUP BY image UNION ALL"
                        " SELECT image, count(*) FROM container_images GROUP BY image ORDER BY 1",
                        g, &g->containers, e);
    return r < 0 ? r
                 : load_counts(m,
                               "SELECT parent, count(*) FROM images WHERE parent <> '' AND held = 0"
                               " GROUP BY parent",
                               g, &g->children, e);
}

static void fill_names(const struct names *l, const char *image, uint32_t hash,
                       const struct meta_name **ret, size_t *ret_n)
{
    const struct run *run = find(&l->by_image, image, hash);

    *ret = run ? &l->v[run->first] : NULL;
    *ret_n = run ? run->n : 0;
}

static int load_targets(struct meta *m, struct groups *g, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    struct index *x = &g->targets;
    int r = stmt_open(m, "SELECT DISTINCT target FROM tags", &q, e);

    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        struct run *v = grown(x->v, x->n, &x->cap, sizeof *v);
        if (!v)
            return err_nomem(e);
        x->v = v;
        v[x->n] = (struct run){.image = col_dup(&q, 0, &g->a)};
        if (!v[x->n++].image)
            return err_nomem(e);
    }
    return r < 0 ? r : make_table(g, x, e);
}

/* Few images have repository digests alone. */
static int fill_of_index(struct meta *m, struct groups *g, struct meta_image_item *item,
                         struct shale_err *e)
{
    if (item->n_tags > 0 || item->n_digests == 0)
        return 0;
    int r = g->targets.table ? 0 : load_targets(m, g, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < item->n_digests && !item->of_index; i++) {
        const char *d = item->digests[i].target.s;
        item->of_index = find(&g->targets, d, hash_of(d)) != NULL;
    }
    return 0;
}

static void fill_numbers(const struct groups *g, uint32_t hash, struct meta_image_item *item)
{
    const char *id = item->image.id.s;
    const struct run *children = find(&g->children, id, hash);
    const struct run *containers = find(&g->containers, id, hash);

    item->of_index = false;
    item->n_children = children ? children->n : 0;
    item->n_containers = containers ? containers->n : 0;
}

static void fill(const struct groups *g, struct meta_image_item *item)
{
    uint32_t hash = hash_of(item->image.id.s);

    fill_names(&g->tags, item->image.id.s, hash, &item->tags, &item->n_tags);
    fill_names(&g->digests, item->image.id.s, hash, &item->digests, &item->n_digests);
    fill_numbers(g, hash, item);
}

#define COLUMNS                                                                                    \
    "SELECT id, manifest, parent, created, size, n_layers, os, arch, variant, labels, added, "     \
    "used,"                                                                                        \
    " tagged, pinned FROM images WHERE held = 0"

/* What listings show; the rest stays unset. */
static void read_row(const struct stmt *q, struct meta_image *i)
{
    *i = (struct meta_image){
        .created_ns = col_i64(q, 3),
        .size_bytes = (uint64_t)col_i64(q, 4),
        .n_layers = (uint32_t)col_i64(q, 5),
        .os = col_text(q, 6),
        .arch = col_text(q, 7),
        .variant = col_text(q, 8),
        .os_version = "",
        .labels = col_text(q, 9),
        .added_ns = col_i64(q, 10),
        .last_used_ns = col_i64(q, 11),
        .last_tagged_ns = col_i64(q, 12),
        .pinned = col_i64(q, 13) != 0,
    };
    col_digest(q, 0, &i->id);
    col_digest(q, 1, &i->manifest);
    col_digest(q, 2, &i->parent);
}

/* To whom it is for; his answer. */
static int give(struct meta *m, struct groups *g, struct meta_image_item *item,
                int (*f)(void *arg, const struct meta_image_item *i), void *arg,
                struct shale_err *e)
{
    int r = fill_of_index(m, g, item, e);

    if (r >= 0)
        r = f(arg, item);
    return r == -SHALE_NO_MEMORY ? err_nomem(e) : r;
}

static int walk(struct meta *m, struct groups *g,
                int (*f)(void *arg, const struct meta_image_item *i), void *arg,
                struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = load_all_names(m, g, e);
    struct meta_image_item item = {0};

    if (r >= 0)
        r = stmt_open(m, COLUMNS, &q, e);
    if (r < 0)
        return r;
    while ((r = stmt_step(&q, e)) == 1) {
        read_row(&q, &item.image);
        fill(g, &item);
        r = give(m, g, &item, f, arg, e);
        if (r != 0)
            return r;
    }
    return r;
}

/* ---- side by side ---- */

struct lane { /* names in the order of their images' IDs */
    struct stmt q;
    int r; /* 1: at a row */
};
struct lanes {
    struct lane tags, digests;
    struct names names; /* of one image */
};

static void lanes_clear(struct lanes *l)
{
    stmt_close(&l->tags.q);
    stmt_close(&l->digests.q);
    free(l->names.v);
}

/* 1: at a name of the image; others before it belong to none that is listed. */
static int lane_at(struct lane *l, const char *image, struct shale_err *e)
{
    int order = -1;

    while (l->r == 1 && (order = strcmp(col_text(&l->q, 0), image)) < 0)
        l->r = stmt_step(&l->q, e);
    return l->r == 1 ? order == 0 : l->r;
}

static bool has_tag(const struct names *l, size_t n_tags, const char *repo)
{
    for (size_t i = 0; i < n_tags; i++)
        if (strcmp(l->v[i].repo, repo) == 0)
            return true;
    return false;
}

static int lane_take(struct groups *g, struct lane *from, struct names *l, bool is_tag,
                     struct shale_err *e)
{
    struct meta_name *v = grown(l->v, l->n, &l->cap, sizeof *v);

    if (!v)
        return err_nomem(e);
    l->v = v;
    v += l->n++;
    v->repo = repo_of(g, l, col_text(&from->q, 1));
    v->tag = is_tag ? col_dup(&from->q, 2, g->texts) : NULL;
    v->target.s[0] = 0;
    v->updated_ns = 0;
    if (!is_tag)
        col_digest(&from->q, 3, &v->target);
    return v->repo && (v->tag || !is_tag) ? 0 : err_nomem(e);
}

static int take_names(struct groups *g, struct lanes *l, struct meta_image_item *item,
                      struct shale_err *e)
{
    const char *id = item->image.id.s;
    struct names *n = &l->names;
    int r;

    n->n = 0;
    for (; (r = lane_at(&l->tags, id, e)) == 1; l->tags.r = stmt_step(&l->tags.q, e)) {
        r = lane_take(g, &l->tags, n, true, e);
        if (r < 0)
            return r;
    }
    size_t n_tags = n->n;
    while (r >= 0 && (r = lane_at(&l->digests, id, e)) == 1) {
        if (!has_tag(n, n_tags, col_text(&l->digests.q, 1)))
            r = lane_take(g, &l->digests, n, false, e);
        if (r >= 0)
            l->digests.r = stmt_step(&l->digests.q, e);
    }
    item->tags = n->v;
    item->n_tags = n_tags;
    item->digests = n->v + n_tags;
    item->n_digests = n->n - n_tags;
    return r;
}

static int walk_brief(struct meta *m, struct groups *g,
                      int (*f)(void *arg, const struct meta_image_item *i), void *arg,
                      struct shale_err *e)
{
    _cleanup_(lanes_clear) struct lanes l = {0};
    _cleanup_(stmt_close) struct stmt q = {0};
    static const char text[] = "";
    struct meta_image_item item = {
        .image = {.os = text, .arch = text, .variant = text, .os_version = text, .labels = text}};
    int r = stmt_open(m,
                      "SELECT id, created, size FROM images INDEXED BY images_listing"
                      " WHERE held = 0 ORDER BY id",
                      &q, e);

    if (r >= 0)
        r = stmt_open(m, TAGS_ORDERED, &l.tags.q, e);
    if (r >= 0)
        r = l.tags.r = stmt_step(&l.tags.q, e);
    if (r >= 0)
        r = stmt_open(m, DIGESTS_ORDERED, &l.digests.q, e);
    if (r >= 0)
        r = l.digests.r = stmt_step(&l.digests.q, e);
    while (r >= 0 && (r = stmt_step(&q, e)) == 1) {
        col_digest(&q, 0, &item.image.id);
        item.image.created_ns = col_i64(&q, 1);
        item.image.size_bytes = (uint64_t)col_i64(&q, 2);
        r = take_names(g, &l, &item, e);
        fill_numbers(g, hash_of(item.image.id.s), &item);
        if (r >= 0)
            r = give(m, g, &item, f, arg, e);
        if (r != 0)
            return r;
    }
    return r;
}

int meta_image_each(struct meta *m, unsigned flags, struct arena *a,
                    int (*f)(void *arg, const struct meta_image_item *i), void *arg,
                    struct shale_err *e)
{
    _cleanup_(groups_clear) struct groups g = {.flags = flags, .a = ARENA_INIT(EACH_MAX_BYTES)};
    /* A query that is under way keeps what all of them see as it was when it began: no image goes
     * by without its names because another process tagged it in between. */
    _cleanup_(stmt_close) struct stmt snapshot = {0};
    int r = stmt_open(m, "SELECT name FROM sqlite_master", &snapshot, e);

    if (r >= 0)
        r = stmt_step(&snapshot, e);
    g.texts = a ? a : &g.a;
    if (r >= 0)
        r = load_numbers(m, &g, e);
    return r < 0 ? r : (flags & META_EACH_BRIEF ? walk_brief : walk)(m, &g, f, arg, e);
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
        r = stmt_number(m, "SELECT count(*) FROM image_users WHERE image = ?1", 0, &n_containers, e,
                        "d", id);
    if (r < 0)
        return r;
    item.tags = names;
    while (item.n_tags < n && names[item.n_tags].tag)
        item.n_tags++;
    item.digests = names + item.n_tags;
    item.n_digests = n - item.n_tags;
    for (size_t i = 0; r >= 0 && !item.of_index && item.n_tags == 0 && i < n; i++) {
        r = meta_tag_has_target(m, &names[i].target, e);
        item.of_index = r == 1;
    }
    if (r < 0)
        return r;
    item.n_children = (uint32_t)n_children;
    item.n_containers = (uint32_t)n_containers;
    *ret = item;
    return 0;
}

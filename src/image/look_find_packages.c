/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "contents/packages.h"
#include "image/image_priv.h"
#include "image/look_find.h"
#include "base/glob.h"

#define SEEN_MIN 1024

/* ---- what was read ---- */

/* Its place, or the free one where it would lie. */
static struct find_seen *slot(struct find_seen *v, size_t cap, uint32_t layer, uint64_t pos)
{
    uint64_t k = (pos ^ (uint64_t)layer << 40) * 0x9e3779b97f4a7c15ull;
    size_t i = (size_t)(k >> 20) & (cap - 1);

    while (v[i].pos && (v[i].pos != pos || v[i].layer != layer))
        i = (i + 1) & (cap - 1);
    return &v[i];
}

static int grow(struct finding *f, struct shale_err *e)
{
    size_t cap = f->cap_seen ? 2 * f->cap_seen : SEEN_MIN;

    if (2 * (f->n_seen + 1) <= f->cap_seen)
        return 0;
    struct find_seen *v = mem_alloc(cap * sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < f->cap_seen; i++)
        if (f->seen[i].pos)
            *slot(v, cap, f->seen[i].layer, f->seen[i].pos) = f->seen[i];
    free(f->seen);
    f->seen = v;
    f->cap_seen = cap;
    return 0;
}

int find_seen(struct finding *f, const struct tree_inode *i, struct find_seen **ret,
              struct shale_err *e)
{
    uint32_t layer = f->numbers[i->layer];
    int r = grow(f, e);

    if (r < 0)
        return r;
    *ret = slot(f->seen, f->cap_seen, layer, i->pos);
    if ((*ret)->pos)
        return 0;
    **ret = (struct find_seen){.pos = i->pos, .layer = layer};
    f->n_seen++;
    return 0;
}

/* ---- databases ---- */

struct reading {
    struct finding *f;
    enum contents_db db;
    struct find_packages *list;
};

static bool good_version(const struct search_package *p, enum contents_db db, const char *version)
{
    if (p->op == SEARCH_ANY)
        return true;
    int r = packages_compare(db, version, p->version);
    switch (p->op) {
    case SEARCH_EQ:
        return r == 0;
    case SEARCH_LT:
        return r < 0;
    case SEARCH_LE:
        return r <= 0;
    case SEARCH_GT:
        return r > 0;
    default:
        return r >= 0;
    }
}

static int on_package(void *arg, const char *name, const char *version, const char *arch,
                      struct shale_err *e)
{
    struct reading *x = arg;
    struct find_packages *l = x->list;
    unsigned mask = 0;

    for (size_t i = 0; i < x->f->q.n_packages; i++) {
        const struct search_package *p = &x->f->q.packages[i];
        if ((p->glob ? glob_match(p->name, name) : streq(p->name, name)) &&
            good_version(p, x->db, version))
            mask |= 1u << (FIND_PACKAGES + i);
    }
    if (!mask)
        return 0;
    struct find_package *v = arena_grow(x->f->a, l->v, l->n, &l->cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    l->v = v;
    v += l->n;
    *v = (struct find_package){mask, arena_strdup(x->f->a, name), arena_strdup(x->f->a, version),
                               arena_strdup(x->f->a, arch)};
    if (!v->name || !v->version || !v->arch)
        return err_nomem(e);
    l->n++;
    return 0;
}

static int take(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct buf *b = arg;

    buf_add(b, p, n);
    return buf_check(b, e);
}

static int read_db(struct finding *f, enum contents_db db, uint32_t node, struct find_packages *l,
                   struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(FIND_DB_BYTES);
    struct reading x = {f, db, l};
    int r = look_read(&f->l, node, take, &b, f->h->cancel, e);

    if (r >= 0)
        r = packages_read(db, &b, on_package, &x, e);
    if (r >= 0)
        return 0;
    buf_reset(&f->path);
    look_path(&f->l, node, &f->path);
    return err_wrap(e, r, "/%s", buf_str(&f->path));
}

/* One database, of which only a regular file is read. */
static int ask_db(struct finding *f, enum contents_db db, uint32_t node, struct shale_err *e)
{
    const struct tree_inode *i = look_inode(&f->l, node);
    struct find_seen *s = NULL;

    if (i->type != TAR_REG || i->pos == 0)
        return 0;
    int r = find_seen(f, i, &s, e);
    if (r < 0)
        return r;
    if (!s->list) {
        struct find_packages *l = arena_alloc(f->a, sizeof *l);
        r = l ? read_db(f, db, node, l, e) : err_nomem(e);
        if (r < 0)
            return r;
        s->list = l;
    }
    for (size_t k = 0; k < s->list->n; k++) {
        f->have |= s->list->v[k].mask;
        r = find_tell(f, node, &s->list->v[k], e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int ask_folder(struct finding *f, enum contents_db db, uint32_t dir, struct shale_err *e)
{
    struct tree *t = f->l.tree;
    int r = 0;

    for (uint32_t k = tree_first(t, dir); r >= 0 && k != TREE_NONE; k = tree_next(t, k))
        r = ask_db(f, db, k, e);
    return r;
}

static bool among(const uint32_t *v, size_t n, uint32_t x)
{
    for (size_t i = 0; i < n; i++)
        if (v[i] == x)
            return true;
    return false;
}

int find_packages(struct finding *f, struct shale_err *e)
{
    uint32_t asked[PACKAGES_N_FILES]; /* /lib may be /usr/lib */
    size_t n = 0;

    for (size_t i = 0; i < PACKAGES_N_FILES; i++) {
        const struct packages_file *p = &packages_files[i];
        struct shale_err why = SHALE_ERR_INIT;
        uint32_t node = TREE_NONE;
        int r = look_find(&f->l, p->path, true, &node, &why);
        if (r == -SHALE_NOT_FOUND || r == -SHALE_INVALID)
            continue;
        if (r < 0) {
            *e = why;
            return r;
        }
        if (among(asked, n, f->l.tree->nodes[node].inode))
            continue;
        asked[n++] = f->l.tree->nodes[node].inode;
        r = tree_is_dir(f->l.tree, node) ? ask_folder(f, p->db, node, e)
                                         : ask_db(f, p->db, node, e);
        if (r < 0)
            return r;
    }
    return 0;
}

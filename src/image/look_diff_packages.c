/* SPDX-License-Identifier: Apache-2.0 */
/* `image diff`: the packages that two images show. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "contents/packages.h"
#include "image/look_diff.h"

#define DB_BYTES (256u << 20) /* of a package manager */

struct package {
    enum contents_db db;
    const char *name, *version, *arch;
};
struct packages {
    struct diff *d;
    struct diff_side *side;
    enum contents_db db; /* that is being read */
    struct package *v;
    size_t n, cap;
    struct { /* the databases */
        enum contents_db db;
        uint32_t node;
    } * dbs;
    size_t n_dbs, cap_dbs;
};

/* ---- databases ---- */

static int add_db(struct packages *x, enum contents_db db, uint32_t node, struct shale_err *e)
{
    const struct look *l = &x->side->l;
    const struct tree_inode *i = look_inode(l, node);

    if (i->type != TAR_REG || i->pos == 0)
        return 0;
    for (size_t k = 0; k < x->n_dbs; k++) /* /lib may be /usr/lib */
        if (look_inode(l, x->dbs[k].node) == i)
            return 0;
    void *v = arena_grow(x->d->arena, x->dbs, x->n_dbs, &x->cap_dbs, sizeof *x->dbs);
    if (!v)
        return err_nomem(e);
    x->dbs = v;
    x->dbs[x->n_dbs].db = db;
    x->dbs[x->n_dbs++].node = node;
    return 0;
}

static int find_dbs(struct packages *x, struct shale_err *e)
{
    struct look *l = &x->side->l;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < PACKAGES_N_FILES; i++) {
        struct shale_err why = SHALE_ERR_INIT;
        uint32_t node = TREE_NONE;
        r = look_find(l, packages_files[i].path, true, &node, &why);
        if (r == -SHALE_NOT_FOUND || r == -SHALE_INVALID) {
            r = 0;
        } else if (r < 0) {
            *e = why;
        } else if (tree_is_dir(l->tree, node)) {
            for (uint32_t k = tree_first(l->tree, node); r >= 0 && k != TREE_NONE;
                 k = tree_next(l->tree, k))
                r = add_db(x, packages_files[i].db, k, e);
        } else {
            r = add_db(x, packages_files[i].db, node, e);
        }
    }
    return r;
}

static bool same_dbs(const struct packages *x, const struct packages *y)
{
    const struct look *l = &x->side->l, *m = &y->side->l;

    if (x->n_dbs != y->n_dbs)
        return false;
    for (size_t i = 0; i < x->n_dbs; i++) {
        const struct tree_inode *p = look_inode(l, x->dbs[i].node);
        const struct tree_inode *q = look_inode(m, y->dbs[i].node);
        if (p->pos != q->pos || !digest_eq(&l->diff_ids[p->layer], &m->diff_ids[q->layer]))
            return false;
    }
    return true;
}

/* ---- reading ---- */

static int on_package(void *arg, const char *name, const char *version, const char *arch,
                      struct shale_err *e)
{
    struct packages *x = arg;
    struct arena *a = x->d->arena;
    struct package *v = arena_grow(a, x->v, x->n, &x->cap, sizeof *v);

    if (!v)
        return err_nomem(e);
    x->v = v;
    v += x->n;
    *v = (struct package){x->db, arena_strdup(a, name), arena_strdup(a, version),
                          arena_strdup(a, arch)};
    if (!v->name || !v->version || !v->arch)
        return err_nomem(e);
    x->n++;
    return 0;
}

static int take(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct buf *b = arg;

    buf_add(b, p, n);
    return buf_check(b, e);
}

static int by_name(const void *a, const void *b)
{
    const struct package *x = a, *y = b;
    int r = strcmp(x->name, y->name);

    if (r == 0)
        r = (int)x->db - (int)y->db;
    if (r == 0)
        r = strcmp(x->arch, y->arch);
    return r;
}

static int by_version(const void *a, const void *b)
{
    const struct package *x = a, *y = b;
    int r = by_name(a, b);

    if (r == 0)
        r = packages_compare(x->db, x->version, y->version);
    return r ? r : strcmp(x->version, y->version);
}

static int read_dbs(struct packages *x, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(DB_BYTES);
    int r = 0;

    for (size_t i = 0; r >= 0 && i < x->n_dbs; i++) {
        buf_reset(&b);
        x->db = x->dbs[i].db;
        r = look_read(&x->side->l, x->dbs[i].node, take, &b, x->d->cancel, e);
        if (r >= 0)
            r = packages_read(x->db, &b, on_package, x, e);
        if (r < 0) {
            buf_reset(&x->d->path);
            look_path(&x->side->l, x->dbs[i].node, &x->d->path);
            return err_wrap(e, r, "%s: /%s", x->side->name, buf_str(&x->d->path));
        }
    }
    if (x->v)
        qsort(x->v, x->n, sizeof *x->v, by_version);
    return r;
}

/* ---- comparing ---- */

static int tell(struct diff *d, const struct package *a, const struct package *b)
{
    struct shale_difference x = {
        .kind = !a   ? SHALE_DIFF_ADDED
                : !b ? SHALE_DIFF_REMOVED
                     : SHALE_DIFF_CHANGED,
        .part = SHALE_PART_PACKAGES,
        .name = a ? a->name : b->name,
        .arch = a ? a->arch : b->arch,
        .from = a ? a->version : NULL,
        .to = b ? b->version : NULL,
    };

    return diff_tell(d, &x);
}

/* How many from v on are of one name and architecture. */
static size_t group(const struct package *v, size_t n)
{
    size_t k = 0;

    while (k < n && by_name(v, v + k) == 0)
        k++;
    return k;
}

/* Versions of one package in both, oldest first. One in each: it has changed; several may be
 * installed side by side (kernels of rpm). */
static int compare_versions(struct diff *d, const struct package *a, size_t n,
                            const struct package *b, size_t m)
{
    size_t i = 0, k = 0;
    int r = 0;

    if (n == 1 && m == 1)
        return streq(a->version, b->version) ? 0 : tell(d, a, b);
    while (r >= 0 && (i < n || k < m)) {
        int c = i == n ? 1 : k == m ? -1 : by_version(&a[i], &b[k]);
        if (c != 0)
            r = tell(d, c < 0 ? &a[i] : NULL, c < 0 ? NULL : &b[k]);
        i += c <= 0;
        k += c >= 0;
    }
    return r;
}

int diff_packages(struct diff *d, struct shale_err *e)
{
    struct packages x = {.d = d, .side = &d->a}, y = {.d = d, .side = &d->b};
    size_t i = 0, k = 0;
    int r = find_dbs(&x, e);

    if (r >= 0)
        r = find_dbs(&y, e);
    if (r < 0 || same_dbs(&x, &y))
        return r;
    r = read_dbs(&x, e);
    if (r >= 0)
        r = read_dbs(&y, e);
    while (r >= 0 && (i < x.n || k < y.n)) {
        int c = i == x.n ? 1 : k == y.n ? -1 : by_name(&x.v[i], &y.v[k]);
        size_t n = c <= 0 ? group(&x.v[i], x.n - i) : 0, m = c >= 0 ? group(&y.v[k], y.n - k) : 0;
        r = compare_versions(d, &x.v[i], n, &y.v[k], m);
        i += n;
        k += m;
    }
    return r;
}

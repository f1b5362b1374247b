/* SPDX-License-Identifier: Apache-2.0 */
/* `image diff`: two images side by side; here their files. */
#include "image/look_diff.h"

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/str.h"
#include "image/look_remote.h"

#define DIFF_LAYERS    ((unsigned)(SHALE_PART_FILES | SHALE_PART_PACKAGES))
#define MAX_PATH_BYTES ((TAR_MAX_NAME_BYTES + 1) * TREE_MAX_DEPTH)

int diff_tell(struct diff *d, const struct shale_difference *x)
{
    struct shale_difference full = *x;

    full.path = x->path ? x->path : "";
    full.name = x->name ? x->name : "";
    full.from = x->from ? x->from : "";
    full.to = x->to ? x->to : "";
    full.arch = x->arch ? x->arch : "";
    d->differs = true;
    return d->o->on_difference ? d->o->on_difference(d->o->arg, &full) : 0;
}

bool diff_done(const struct diff *d)
{
    return d->differs && !d->o->on_difference;
}

static int tell(struct diff *d, enum shale_difference_kind kind, const struct look *l,
                uint32_t node, unsigned what, struct shale_err *e)
{
    struct shale_difference x = {.kind = kind, .part = SHALE_PART_FILES, .what = what};

    buf_reset(&d->path);
    look_path(l, node, &d->path);
    int r = buf_check(&d->path, e);
    if (r < 0)
        return r;
    x.path = buf_str(&d->path);
    return diff_tell(d, &x);
}

/* ---- one file ---- */

static bool same_xattrs(const struct tar_entry *x, const struct tar_entry *y)
{
    if (x->n_xattrs != y->n_xattrs)
        return false;
    for (size_t i = 0; i < x->n_xattrs; i++) { /* tars list them in any order */
        const struct tar_xattr *p = &x->xattrs[i], *q = NULL;
        for (size_t k = 0; k < y->n_xattrs && !q; k++)
            if (streq(p->name, y->xattrs[k].name))
                q = &y->xattrs[k];
        if (!q || p->value_bytes != q->value_bytes ||
            memcmp(p->value, q->value, p->value_bytes) != 0)
            return false;
    }
    return true;
}

/* The sizes are the same: are the bytes? 1: no. */
static int other_content(struct diff *d, const struct tree_inode *i, const struct tar_entry *x,
                         const struct tree_inode *k, const struct tar_entry *y, struct shale_err *e)
{
    uint8_t p[HASH_MAX_BYTES] = {0}, q[HASH_MAX_BYTES] = {0};

    if (x->size_bytes == 0)
        return 0;
    int r = look_sum(&d->a.l, i, x, p, d->cancel, e);

    if (r >= 0)
        r = look_sum(&d->b.l, k, y, q, d->cancel, e);
    return r < 0 ? r : memcmp(p, q, hash_size(HASH_SHA256)) != 0;
}

/* What differs of two files, as bits: -code, 0 none. */
static int compare(struct diff *d, uint32_t a, uint32_t b, struct shale_err *e)
{
    struct tree *s = d->a.l.tree, *t = d->b.l.tree;
    const struct tree_inode *i = look_inode(&d->a.l, a), *k = look_inode(&d->b.l, b);
    struct tar_entry x, y;
    int what = 0;

    if (i->pos == k->pos && i->pos &&
        streq(d->a.l.diff_ids[i->layer].s, d->b.l.diff_ids[k->layer].s))
        return 0; /* of one layer */
    int r = tree_entry(s, s->nodes[a].inode, &x, e);
    if (r >= 0)
        r = tree_entry(t, t->nodes[b].inode, &y, e);
    if (r < 0)
        return r;
    if (i->type != TAR_SYMLINK && k->type != TAR_SYMLINK)
        what |= x.mode != y.mode ? SHALE_DIFF_MODE : 0;
    what |= x.uid != y.uid || x.gid != y.gid ? SHALE_DIFF_OWNER : 0;
    what |= same_xattrs(&x, &y) ? 0 : SHALE_DIFF_XATTR;
    if (i->type != k->type)
        return what | SHALE_DIFF_TYPE;
    if (i->type == TAR_SYMLINK)
        what |= str_eq(x.link, y.link) ? 0 : SHALE_DIFF_LINK;
    if (i->type == TAR_CHAR || i->type == TAR_BLOCKDEV)
        what |= x.dev_major != y.dev_major || x.dev_minor != y.dev_minor ? SHALE_DIFF_DEVICE : 0;
    if (i->type != TAR_REG)
        return what;
    r = x.size_bytes != y.size_bytes ? 1 : other_content(d, i, &x, k, &y, e);
    return r < 0 ? r : what | (r ? SHALE_DIFF_CONTENT : 0);
}

/* ---- trees ---- */

/* All of one side from `top` down. */
static int tell_all(struct diff *d, enum shale_difference_kind kind, struct look *l, uint32_t top,
                    struct shale_err *e)
{
    struct tree *t = l->tree;
    uint32_t at = top;

    for (;;) {
        int r = cancel_check(d->cancel, e);
        if (r >= 0)
            r = tell(d, kind, l, at, 0, e);
        if (r < 0)
            return r;
        tree_pace(t, at);
        uint32_t child = tree_is_dir(t, at) ? tree_first(t, at) : TREE_NONE;
        if (child != TREE_NONE) {
            at = child;
            continue;
        }
        while (at != top && tree_next(t, at) == TREE_NONE)
            at = t->nodes[at].parent;
        if (at == top)
            return 0;
        at = tree_next(t, at);
    }
}

static int order(const struct diff *d)
{
    const struct tree_node *a, *b;

    if (d->a.at == TREE_NONE || d->b.at == TREE_NONE)
        return d->a.at == TREE_NONE ? 1 : -1;
    a = &d->a.l.tree->nodes[d->a.at];
    b = &d->b.l.tree->nodes[d->b.at];
    int r = memcmp(a->name, b->name, a->name_n < b->name_n ? a->name_n : b->name_n);
    return r ? r : (int)a->name_n - (int)b->name_n;
}

/* Two files of one name. 1: both are directories, to be entered. */
static int both(struct diff *d, struct shale_err *e)
{
    struct tree *s = d->a.l.tree, *t = d->b.l.tree;
    bool da = tree_is_dir(s, d->a.at), db = tree_is_dir(t, d->b.at);
    int r = compare(d, d->a.at, d->b.at, e);

    if (r > 0)
        r = tell(d, SHALE_DIFF_CHANGED, &d->a.l, d->a.at, (unsigned)r, e);
    if (r < 0)
        return r;
    if (da && db)
        return 1;
    for (uint32_t k = da ? tree_first(s, d->a.at) : TREE_NONE; r >= 0 && k != TREE_NONE;
         k = tree_next(s, k))
        r = tell_all(d, SHALE_DIFF_REMOVED, &d->a.l, k, e);
    for (uint32_t k = db ? tree_first(t, d->b.at) : TREE_NONE; r >= 0 && k != TREE_NONE;
         k = tree_next(t, k))
        r = tell_all(d, SHALE_DIFF_ADDED, &d->b.l, k, e);
    return r < 0 ? r : 0;
}

/* Both directories are through: up, and on to the next names. */
static void leave(struct diff *d, uint32_t *dir_a, uint32_t *dir_b)
{
    d->a.at = tree_next(d->a.l.tree, *dir_a);
    d->b.at = tree_next(d->b.l.tree, *dir_b);
    *dir_a = d->a.l.tree->nodes[*dir_a].parent;
    *dir_b = d->b.l.tree->nodes[*dir_b].parent;
}

static int walk(struct diff *d, struct shale_err *e)
{
    struct tree *s = d->a.l.tree, *t = d->b.l.tree;
    uint32_t dir_a = TREE_ROOT, dir_b = TREE_ROOT;
    int r = compare(d, TREE_ROOT, TREE_ROOT, e);

    if (r > 0)
        r = tell(d, SHALE_DIFF_CHANGED, &d->a.l, TREE_ROOT, (unsigned)r, e);
    d->a.at = tree_first(s, TREE_ROOT);
    d->b.at = tree_first(t, TREE_ROOT);
    while (r >= 0 && !diff_done(d)) {
        if (d->a.at == TREE_NONE && d->b.at == TREE_NONE) {
            if (dir_a == TREE_ROOT)
                return 0;
            leave(d, &dir_a, &dir_b);
            continue;
        }
        int k = order(d);
        r = cancel_check(d->cancel, e);
        if (r >= 0 && k != 0) {
            r = k < 0 ? tell_all(d, SHALE_DIFF_REMOVED, &d->a.l, d->a.at, e)
                      : tell_all(d, SHALE_DIFF_ADDED, &d->b.l, d->b.at, e);
        } else if (r >= 0) {
            r = both(d, e);
            if (r == 1) {
                dir_a = d->a.at;
                dir_b = d->b.at;
                d->a.at = tree_first(s, dir_a);
                d->b.at = tree_first(t, dir_b);
                continue;
            }
        }
        if (k <= 0)
            d->a.at = tree_next(s, d->a.at);
        if (k >= 0)
            d->b.at = tree_next(t, d->b.at);
    }
    return r;
}

/* ---- all of it ---- */

static int open_remote(struct image_host *h, const char *ref, struct diff *d, struct diff_side *ret,
                       struct shale_err *e)
{
    int r = look_remote_open(h, ref, d->o->platform, d->arena, &ret->l, e);

    if (r >= 0)
        ret->config = ret->l.remote->config;
    return r;
}

/* What its documents say; no layers yet. */
static int open_side(struct image_host *h, const char *what, struct diff *d, struct diff_side *ret,
                     struct shale_err *e)
{
    const char *ref = look_remote_name(what);
    struct image_found found;

    ret->name = what;
    if (ref || d->o->remote)
        return open_remote(h, ref ? ref : what, d, ret, e);
    int r = image_find_platform(h->store, what, d->o->platform, d->arena, &found, e);
    ret->id = found.id;
    return r < 0 ? r : store_config(h->store, &found.id, d->arena, &ret->config, e);
}

static int open_layers(struct image_host *h, struct diff *d, struct diff_side *x,
                       struct shale_err *e)
{
    struct look_remote *r = x->l.remote;

    if (!r)
        return look_open(h->store, &x->id, d->arena, h->cancel, &x->l, e);
    r->wanted.sums = d->o->parts & SHALE_PART_FILES;
    r->wanted.packages = d->o->parts & SHALE_PART_PACKAGES;
    r->other = x == &d->b && d->a.l.remote ? &d->a.l : NULL;
    return look_remote_read(&x->l, e);
}

/* Then they show the same files. */
static bool same_layers(const struct config *x, const struct config *y)
{
    size_t i = 0;

    while (i < x->n_diff_ids && i < y->n_diff_ids && digest_eq(&x->diff_ids[i], &y->diff_ids[i]))
        i++;
    return i == x->n_diff_ids && i == y->n_diff_ids;
}

static void close_side(struct diff *d, struct diff_side *x)
{
    if (x->l.remote && d->o->fetched)
        look_remote_tell(&x->l, d->o->fetched);
    look_close(&x->l);
}

static int compare_parts(struct diff *d, struct shale_err *e)
{
    static const struct {
        enum shale_image_part part;
        int (*f)(struct diff *d, struct shale_err *e);
    } parts[] = {
        {SHALE_PART_CONFIG, diff_config},
        {SHALE_PART_HISTORY, diff_history},
        {SHALE_PART_PACKAGES, diff_packages},
        {SHALE_PART_FILES, walk},
    };
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(parts) && !diff_done(d); i++)
        if (d->o->parts & parts[i].part)
            r = parts[i].f(d, e);
    return r;
}

int image_diff(struct image_host *h, const char *a, const char *b,
               const struct shale_image_diff_opts *opts, struct arena *arena, struct shale_err *e)
{
    struct shale_image_diff_opts o = *opts;
    struct diff d = {
        .o = &o, .cancel = h->cancel, .arena = arena, .path = BUF_INIT(MAX_PATH_BYTES)};

    if (!o.parts)
        o.parts = ~0u;
    int r = open_side(h, a, &d, &d.a, e);
    if (r >= 0)
        r = open_side(h, b, &d, &d.b, e);
    if (r >= 0 && same_layers(&d.a.config, &d.b.config))
        o.parts &= ~DIFF_LAYERS;
    if (r >= 0 && o.parts & DIFF_LAYERS)
        r = open_layers(h, &d, &d.a, e);
    if (r >= 0 && o.parts & DIFF_LAYERS)
        r = open_layers(h, &d, &d.b, e);
    if (r >= 0)
        r = compare_parts(&d, e);
    buf_clear(&d.path);
    close_side(&d, &d.b); /* it may share layers of the other */
    close_side(&d, &d.a);
    return r < 0 ? r : d.differs;
}

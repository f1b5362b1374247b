/* SPDX-License-Identifier: Apache-2.0 */
#include "image/look_pack.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

#define MAX_PATH_BYTES ((TAR_MAX_NAME_BYTES + 1) * TREE_MAX_DEPTH)

/* tree_inode.user, of files with several names */
enum { NOT_SEEN, WANTED, SEEN }; /* SEEN + the node that it was written under */

struct look_pack {
    struct look *l, *base;
    struct tar_writer *tar;
    struct cancel *c;
    struct buf path, link;
    const char *top;
    size_t start_n; /* bytes of the path of the node that top stands for */
    uint64_t n_members;
};

/* ---- members ---- */

/* What a node is called in the tar. */
static int name_of(struct look_pack *p, uint32_t node, struct buf *b, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf full = BUF_INIT(MAX_PATH_BYTES);

    look_path(p->l, node, &full);
    const char *below = buf_str(&full) + p->start_n;
    buf_reset(b);
    buf_adds(b, p->top);
    if (*below == '/')
        below++;
    if (*below && *p->top)
        buf_addc(b, '/');
    buf_adds(b, below);
    buf_fail_with(b, &full);
    return buf_check(b, e);
}

static int put_data(void *arg, const void *bytes, size_t n, struct shale_err *e)
{
    return tar_write_data(arg, bytes, n, e);
}

static int write_member(struct look_pack *p, uint32_t node, struct shale_err *e)
{
    struct tree *t = p->l->tree;
    struct tree_inode *i = &t->inodes[t->nodes[node].inode];
    bool several = i->type != TAR_DIR && i->nlink > 1;
    struct tar_entry x;
    int r = cancel_check(p->c, e);

    if (r >= 0)
        r = name_of(p, node, &p->path, e);
    if (r >= 0)
        r = tree_entry(t, t->nodes[node].inode, &x, e);
    if (r < 0)
        return r;
    x.path = str_of(buf_str(&p->path));
    x.type = i->type;
    x.sparse = false;
    p->n_members++;
    tree_pace(t, node);
    if (several && i->user >= SEEN) {
        r = name_of(p, i->user - SEEN, &p->link, e);
        if (r < 0)
            return r;
        x.type = TAR_HARDLINK;
        x.link = str_of(buf_str(&p->link));
        x.n_xattrs = 0;
        return tar_write_entry(p->tar, &x, e);
    }
    if (several)
        i->user = node + SEEN;
    r = tar_write_entry(p->tar, &x, e);
    return r < 0 || x.type != TAR_REG ? r : look_read(p->l, node, put_data, p->tar, p->c, e);
}

int look_pack_tree(struct look_pack *p, uint32_t node, const char *top, struct shale_err *e)
{
    struct tree *t = p->l->tree;
    uint32_t at = node;
    int r;

    p->top = top;
    r = name_of(p, node, &p->path, e); /* from the root, as start_n is 0 yet */
    if (r < 0)
        return r;
    p->start_n = p->path.n - strlen(top) - (*top && node != TREE_ROOT);
    for (;;) {
        r = write_member(p, at, e);
        if (r < 0)
            return r;
        uint32_t child = tree_is_dir(t, at) ? tree_first(t, at) : TREE_NONE;
        if (child != TREE_NONE) {
            at = child;
            continue;
        }
        while (at != node && tree_next(t, at) == TREE_NONE)
            at = t->nodes[at].parent;
        if (at == node)
            return 0;
        at = tree_next(t, at);
    }
}

/* ---- what is new against a base ---- */

struct level { /* a folder on the way down */
    struct level *up;
    uint32_t node, base; /* base TREE_NONE: there is no such folder */
    bool told;
};

typedef int (*pair_fn)(struct look_pack *p, struct level *l, uint32_t node, uint32_t base,
                       struct shale_err *e);

static int order(const struct tree *a, uint32_t x, const struct tree *b, uint32_t y)
{
    if (x == TREE_NONE || y == TREE_NONE)
        return x == y ? 0 : x == TREE_NONE ? 1 : -1;
    size_t nx = a->nodes[x].name_n, ny = b->nodes[y].name_n;
    int r = memcmp(a->nodes[x].name, b->nodes[y].name, nx < ny ? nx : ny);
    return r ? r : nx < ny ? -1 : nx > ny;
}

/* Each name of the folder with what the base has under it; either may be TREE_NONE. */
static int each_pair(struct look_pack *p, struct level *l, pair_fn f, struct shale_err *e)
{
    struct tree *t = p->l->tree, *b = p->base->tree;
    uint32_t k = tree_first(t, l->node);
    uint32_t j = l->base == TREE_NONE ? TREE_NONE : tree_first(b, l->base);
    int r = cancel_check(p->c, e);

    while (r >= 0 && (k != TREE_NONE || j != TREE_NONE)) {
        int o = order(t, k, b, j);
        uint32_t node = o <= 0 ? k : TREE_NONE, base = o >= 0 ? j : TREE_NONE;
        k = o <= 0 ? tree_next(t, k) : k;
        j = o >= 0 ? tree_next(b, j) : j;
        r = f(p, l, node, base, e);
    }
    return r;
}

/* The base's layers are the image's first ones: what is the same came with the same member. */
static bool is_same(const struct look_pack *p, uint32_t node, uint32_t base)
{
    if (base == TREE_NONE)
        return false;
    const struct tree_inode *x = look_inode(p->l, node), *y = look_inode(p->base, base);
    return x->type == y->type && x->pos == y->pos && (x->pos == 0 || x->layer == y->layer);
}

static bool both_folders(const struct look_pack *p, uint32_t node, uint32_t base)
{
    return base != TREE_NONE && tree_is_dir(p->base->tree, base) && tree_is_dir(p->l->tree, node);
}

static struct level below(const struct look_pack *p, struct level *l, uint32_t node, uint32_t base)
{
    return (struct level){
        .up = l, .node = node, .base = both_folders(p, node, base) ? base : TREE_NONE};
}

/* A file of which one name is new is written under all its names. */
static int want_links(struct look_pack *p, struct level *l, uint32_t node, uint32_t base,
                      struct shale_err *e)
{
    if (node == TREE_NONE)
        return 0;
    struct tree_inode *i = &p->l->tree->inodes[p->l->tree->nodes[node].inode];
    tree_pace(p->l->tree, node);
    if (i->type == TAR_DIR) {
        struct level sub = below(p, l, node, base);
        return each_pair(p, &sub, want_links, e);
    }
    if (i->nlink > 1 && !is_same(p, node, base))
        i->user = WANTED;
    return 0;
}

/* The folders above what is written, each before what is in it. */
static int tell(struct look_pack *p, struct level *l, struct shale_err *e)
{
    if (!l || l->told)
        return 0;
    l->told = true;
    int r = tell(p, l->up, e);
    if (r < 0 || (l->node == TREE_ROOT && look_inode(p->l, TREE_ROOT)->pos == 0))
        return r;
    return write_member(p, l->node, e);
}

static int write_whiteout(struct look_pack *p, struct level *l, uint32_t base, struct shale_err *e)
{
    const struct tree_node *n = &p->base->tree->nodes[base];
    int r = tell(p, l, e);

    if (r >= 0)
        r = name_of(p, l->node, &p->path, e);
    if (r < 0)
        return r;
    if (p->path.n)
        buf_addc(&p->path, '/');
    buf_adds(&p->path, ".wh.");
    buf_add(&p->path, n->name, n->name_n);
    r = buf_check(&p->path, e);
    p->n_members++;
    return r < 0 ? r : tar_write_file(p->tar, buf_str(&p->path), NULL, 0, 0, e);
}

static int write_pair(struct look_pack *p, struct level *l, uint32_t node, uint32_t base,
                      struct shale_err *e)
{
    if (node == TREE_NONE)
        return write_whiteout(p, l, base, e);
    if (base != TREE_NONE)
        tree_pace(p->base->tree, base);
    bool same = is_same(p, node, base);
    if (tree_is_dir(p->l->tree, node)) {
        struct level sub = below(p, l, node, base);
        int r = same ? 0 : tell(p, &sub, e);
        return r < 0 ? r : each_pair(p, &sub, write_pair, e);
    }
    const struct tree_inode *i = look_inode(p->l, node);
    if (same && (i->nlink == 1 || i->user == NOT_SEEN))
        return 0;
    int r = tell(p, l, e);
    return r < 0 ? r : write_member(p, node, e);
}

int look_pack_changes(struct look_pack *p, struct look *base, struct shale_err *e)
{
    struct level top = {.node = TREE_ROOT, .base = TREE_ROOT};

    p->base = base;
    p->top = "";
    int r = each_pair(p, &top, want_links, e);
    if (r >= 0 && !is_same(p, TREE_ROOT, TREE_ROOT))
        r = tell(p, &top, e);
    return r < 0 ? r : each_pair(p, &top, write_pair, e);
}

/* ---- life ---- */

int look_pack_new(struct look *l, tar_out_fn out, void *arg, struct cancel *c,
                  struct look_pack **ret, struct shale_err *e)
{
    struct look_pack *p = mem_alloc(sizeof *p);

    if (!p)
        return err_nomem(e);
    p->l = l;
    p->c = c;
    p->top = "";
    buf_init(&p->path, MAX_PATH_BYTES);
    buf_init(&p->link, MAX_PATH_BYTES);
    int r = tar_writer_new(out, arg, &p->tar, e);
    if (r < 0) {
        look_pack_free(p);
        return r;
    }
    *ret = p;
    return 0;
}

int look_pack_end(struct look_pack *p, uint64_t *ret_members, struct shale_err *e)
{
    int r = tar_writer_end(p->tar, e);

    if (r >= 0)
        *ret_members = p->n_members;
    return r;
}

struct look_pack *look_pack_free(struct look_pack *p)
{
    if (!p)
        return NULL;
    tar_writer_free(p->tar);
    buf_clear(&p->path);
    buf_clear(&p->link);
    free(p);
    return NULL;
}

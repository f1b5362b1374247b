/* SPDX-License-Identifier: Apache-2.0 */
/* The tree once all layers are in it: order, numbers, and walking it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rootfs/tree.h"

#define CANCEL_EVERY 4096

int tree_entry(struct tree *t, uint32_t inode, struct tar_entry *ret, struct shale_err *e)
{
    const struct tree_inode *i = &t->inodes[inode];
    uint64_t pos = i->pos;

    if (pos == 0) {
        *ret = (struct tar_entry){.type = TAR_DIR, .path = STR(""), .link = STR(""), .mode = 0755};
        return 0;
    }
    int r = toc_next(t->layers[i->layer], &pos, ret, e);
    return r == 1 ? 0 : r < 0 ? r : err_set(e, SHALE_INTERNAL, "an entry of the tree is gone");
}

bool tree_pace(struct tree *t, uint32_t node)
{
    if (!pace_due(&t->pace, node))
        return false;
    for (uint16_t i = 0; i < t->n_open; i++)
        toc_trim(t->layers[i]);
    spill_let_go(&t->in_nodes);
    spill_let_go(&t->in_inodes);
    pace_done(&t->pace);
    return true;
}

uint32_t tree_first(const struct tree *t, uint32_t node)
{
    uint32_t k = t->nodes[node].first_child;

    while (k != TREE_NONE && t->nodes[k].inode == TREE_NONE)
        k = t->nodes[k].next;
    return k;
}

uint32_t tree_next(const struct tree *t, uint32_t node)
{
    uint32_t k = t->nodes[node].next;

    while (k != TREE_NONE && t->nodes[k].inode == TREE_NONE)
        k = t->nodes[k].next;
    return k;
}

static int by_name(const void *x, const void *y, void *arg)
{
    struct tree *t = arg;
    const struct tree_node *a = &t->nodes[*(const uint32_t *)x],
                           *b = &t->nodes[*(const uint32_t *)y];
    size_t n = a->name_n < b->name_n ? a->name_n : b->name_n;
    int r = memcmp(a->name, b->name, n);

    r = r ? r : (int)a->name_n - (int)b->name_n;
    /* the sum moves as far as either of them */
    tree_pace(t, *(const uint32_t *)x + *(const uint32_t *)y);
    return r;
}

struct sorter {
    uint32_t *v;
    uint32_t cap;
};

/* Children in order of name; those that are gone are left out for good. */
static int sort_children(struct tree *t, uint32_t node, struct sorter *s, struct shale_err *e)
{
    uint32_t n = 0;

    for (uint32_t k = tree_first(t, node); k != TREE_NONE; k = tree_next(t, k)) {
        if (n == s->cap) {
            uint32_t cap = s->cap ? s->cap + s->cap / 2 : 256;
            uint32_t *v = mem_resize(s->v, (size_t)cap * sizeof *v);
            if (!v)
                return err_nomem(e);
            s->v = v;
            s->cap = cap;
        }
        s->v[n++] = k;
        tree_pace(t, k);
    }
    if (n > 1)
        qsort_r(s->v, n, sizeof *s->v, by_name, t);
    t->nodes[node].first_child = n ? s->v[0] : TREE_NONE;
    for (uint32_t i = 0; i < n; i++) {
        t->nodes[s->v[i]].next = i + 1 < n ? s->v[i + 1] : TREE_NONE;
        tree_pace(t, s->v[i]);
    }
    return 0;
}

/* Numbers inodes in the order of names, counts links. */
static void count(struct tree *t, uint32_t node)
{
    struct tree_inode *i = &t->inodes[t->nodes[node].inode];

    if (i->number == 0)
        i->number = ++t->n_live_inodes;
    if (i->type != TAR_DIR) {
        i->nlink++;
        return;
    }
    i->nlink += 2;
    if (node != TREE_ROOT)
        t->inodes[t->nodes[t->nodes[node].parent].inode].nlink++;
}

int tree_finish(struct tree *t, struct cancel *c, struct shale_err *e)
{
    struct sorter s = {0};
    uint32_t at = TREE_ROOT, n = 0;
    int r = 0;

    free(t->table); /* nothing is looked up any more */
    t->table = NULL;
    for (;;) {
        count(t, at);
        tree_pace(t, at);
        if (tree_is_dir(t, at)) {
            r = n++ % CANCEL_EVERY == 0 ? cancel_check(c, e) : 0;
            if (r >= 0)
                r = sort_children(t, at, &s, e);
            if (r < 0)
                break;
            if (t->nodes[at].first_child != TREE_NONE) {
                at = t->nodes[at].first_child;
                continue;
            }
        }
        while (at != TREE_ROOT && t->nodes[at].next == TREE_NONE)
            at = t->nodes[at].parent;
        if (at == TREE_ROOT)
            break;
        at = t->nodes[at].next;
    }
    free(s.v);
    return r;
}

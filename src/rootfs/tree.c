/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/limits.h"
#include "model/whiteout.h"

#define MAX_SYMLINKS 40 /* on one way, as the kernel has it */
#define CANCEL_EVERY 4096
#define SLOT_NODE    ((1u << 23) - 1) /* of a slot of the table: node + 1; the rest is of its hash */
_Static_assert(LIMIT_IMAGE_ENTRIES < SLOT_NODE, "nodes fit into slots");

/* ---- storage ---- */

/* Room for one more than n; NULL without memory. */
static void *grow(const struct tree *t, struct spill *s, uint32_t n, uint32_t *cap, size_t size)
{
    if (n < *cap)
        return s->p;
    uint32_t more = *cap ? *cap + *cap / 2 : 256;
    if (spill_resize(s, t->dirfd, (size_t)more * size) < 0)
        return NULL;
    *cap = more;
    return s->p;
}

static uint32_t hash_of(uint32_t parent, struct str name)
{
    uint64_t h = 0xcbf29ce484222325ull ^ ((uint64_t)parent * 0x9e3779b97f4a7c15ull);

    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (unsigned char)name.p[i]) * 0x100000001b3ull;
    return (uint32_t)(h ^ h >> 32);
}

/* The slot of a name, and what goes into it besides the node: the hash's upper bits, so that other
 * names' nodes are hardly ever looked at on the way. */
static uint32_t *slot_of(const struct tree *t, uint32_t parent, struct str name, uint32_t *ret_tag)
{
    uint32_t hash = hash_of(parent, name), i = hash & t->table_mask, tag = hash & ~SLOT_NODE;

    *ret_tag = tag;
    for (; t->table[i]; i = (i + 1) & t->table_mask) {
        if ((t->table[i] & ~SLOT_NODE) != tag)
            continue;
        const struct tree_node *n = &t->nodes[(t->table[i] & SLOT_NODE) - 1];
        if (n->parent == parent && n->name_n == name.n && memcmp(n->name, name.p, name.n) == 0)
            break;
    }
    return &t->table[i];
}

/* The node that has a name, there or not; TREE_NONE: none. */
static uint32_t any_node(const struct tree *t, uint32_t parent, struct str name)
{
    uint32_t tag, slot = *slot_of(t, parent, name, &tag);

    return slot ? (slot & SLOT_NODE) - 1 : TREE_NONE;
}

static int rehash(struct tree *t, uint32_t size, struct shale_err *e)
{
    uint32_t tag, *table = mem_array(size, sizeof *table);

    if (!table)
        return err_nomem(e);
    free(t->table);
    t->table = table;
    t->table_mask = size - 1;
    for (uint32_t i = 1; i < t->n_nodes; i++) {
        const struct tree_node *n = &t->nodes[i];
        uint32_t *slot = slot_of(t, n->parent, (struct str){n->name, n->name_n}, &tag);
        *slot = (i + 1) | tag;
        tree_pace(t, i);
    }
    return 0;
}

static int new_inode(struct tree *t, enum tar_type type, uint64_t pos, uint32_t *ret,
                     struct shale_err *e)
{
    struct tree_inode *v = grow(t, &t->in_inodes, t->n_inodes, &t->cap_inodes, sizeof *v);

    if (!v)
        return err_nomem(e);
    t->inodes = v;
    v[t->n_inodes] = (struct tree_inode){.pos = pos, .layer = t->n_layers, .type = (uint8_t)type};
    *ret = t->n_inodes++;
    return 0;
}

/* The node of a name, made (not there yet) if it is new. */
static int get_node(struct tree *t, uint32_t parent, struct str name, uint32_t *ret,
                    struct shale_err *e)
{
    uint32_t tag, *slot = slot_of(t, parent, name, &tag);

    if (*slot) {
        *ret = (*slot & SLOT_NODE) - 1;
        tree_pace(t, *ret);
        return 0;
    }
    if (t->n_nodes >= LIMIT_IMAGE_ENTRIES)
        return err_set(e, SHALE_LIMIT, "image with more than %d files", LIMIT_IMAGE_ENTRIES);
    struct tree_node *v = grow(t, &t->in_nodes, t->n_nodes, &t->cap_nodes, sizeof *v);
    if (!v)
        return err_nomem(e);
    t->nodes = v;
    if (v[parent].depth == TREE_MAX_DEPTH)
        return err_set(e, SHALE_LIMIT, "%.*s: more than %d levels of folders", (int)name.n, name.p,
                       TREE_MAX_DEPTH);
    uint32_t k = t->n_nodes++;
    v[k] = (struct tree_node){
        .name = name.p,
        .parent = parent,
        .first_child = TREE_NONE,
        .next = v[parent].first_child,
        .inode = TREE_NONE,
        .name_n = (uint16_t)name.n,
        .layer = t->n_layers,
        .depth = (uint16_t)(v[parent].depth + 1),
    };
    v[parent].first_child = k;
    *slot = (k + 1) | tag;
    *ret = k;
    return t->n_nodes > t->table_mask / 4 * 3 ? rehash(t, 2 * (t->table_mask + 1), e) : 0;
}

static uint32_t find_node(const struct tree *t, uint32_t parent, struct str name)
{
    uint32_t k = any_node(t, parent, name);

    return k != TREE_NONE && t->nodes[k].inode != TREE_NONE ? k : TREE_NONE;
}

/* ---- removing ---- */

/* All below `node` that lower layers made; and the node itself, when `with_self` and nothing stays
 * below it. */
static void remove_lower(struct tree *t, uint32_t node, bool with_self)
{
    uint32_t at = node;

    for (;;) {
        uint32_t child = t->nodes[at].first_child;
        if (child != TREE_NONE && t->nodes[at].inode != TREE_NONE && tree_is_dir(t, at)) {
            at = child;
            continue;
        }
        for (;;) { /* at is done with everything below it */
            if ((at != node || with_self) && t->nodes[at].layer < t->n_layers)
                t->nodes[at].inode = TREE_NONE;
            if (at == node)
                return;
            if (t->nodes[at].next != TREE_NONE) {
                at = t->nodes[at].next;
                break;
            }
            at = t->nodes[at].parent;
        }
    }
}

/* All below `node`, of whatever layer: something that is no directory takes its place. */
static void remove_below(struct tree *t, uint32_t node)
{
    uint32_t at = node;

    for (;;) {
        if (t->nodes[at].first_child != TREE_NONE && tree_is_dir(t, at)) {
            at = t->nodes[at].first_child;
            continue;
        }
        for (;;) {
            if (at == node)
                return;
            t->nodes[at].inode = TREE_NONE;
            if (t->nodes[at].next != TREE_NONE) {
                at = t->nodes[at].next;
                break;
            }
            at = t->nodes[at].parent;
        }
    }
}

/* ---- ways ---- */

/* A whiteout of the same layer spares what the layer itself brings: mark the way to it. */
static void touch(struct tree *t, uint32_t node)
{
    for (uint32_t k = node; t->nodes[k].layer != t->n_layers; k = t->nodes[k].parent) {
        t->nodes[k].layer = t->n_layers;
        if (k == TREE_ROOT)
            break;
    }
}

static int make_dir(struct tree *t, uint32_t parent, struct str name, uint32_t *ret,
                    struct shale_err *e)
{
    int r = get_node(t, parent, name, ret, e);
    uint32_t inode;

    if (r >= 0)
        r = new_inode(t, TAR_DIR, 0, &inode, e);
    if (r < 0)
        return r;
    t->nodes[*ret].inode = inode;
    t->nodes[*ret].layer = t->n_layers;
    touch(t, parent);
    return 0;
}

static int symlink_target(struct tree *t, uint32_t node, struct str *ret, struct shale_err *e)
{
    struct tar_entry entry;
    int r = tree_entry(t, t->nodes[node].inode, &entry, e);

    if (r >= 0)
        *ret = entry.link;
    return r;
}

struct way { /* a directory on the way to a name */
    uint32_t at;
    bool make; /* missing directories come into being; otherwise they end the way with 1 */
    int n_links;
};

static int walk(struct tree *t, struct way *w, struct str path, struct shale_err *e);

static int step(struct tree *t, struct way *w, struct str name, struct shale_err *e)
{
    struct str target;
    uint32_t k;

    if (name.n == 0 || (name.n == 1 && name.p[0] == '.'))
        return 0;
    if (name.n == 2 && name.p[0] == '.' && name.p[1] == '.') {
        if (w->at != TREE_ROOT)
            w->at = t->nodes[w->at].parent;
        return 0;
    }
    if (name.n > TAR_MAX_NAME_BYTES)
        return err_set(e, SHALE_CORRUPT, "a name of %zu bytes", name.n);
    k = find_node(t, w->at, name);
    if (k == TREE_NONE) {
        if (!w->make)
            return 1;
        return make_dir(t, w->at, name, &w->at, e);
    }
    switch (t->inodes[t->nodes[k].inode].type) {
    case TAR_DIR:
        w->at = k;
        return 0;
    case TAR_SYMLINK:
        if (++w->n_links > MAX_SYMLINKS)
            return err_set(e, SHALE_CORRUPT, "%.*s: too many levels of symbolic links", (int)name.n,
                           name.p);
        int r = symlink_target(t, k, &target, e);
        if (r < 0)
            return r;
        if (target.n > 0 && target.p[0] == '/')
            w->at = TREE_ROOT;
        return walk(t, w, target, e);
    default:
        return err_set(e, SHALE_CORRUPT, "%.*s is not a directory, but something lies below it",
                       (int)name.n, name.p);
    }
}

static int walk(struct tree *t, struct way *w, struct str path, struct shale_err *e)
{
    struct str name;
    int r = 0;

    while (r == 0 && str_split(&path, '/', &name))
        r = step(t, w, name, e);
    return r;
}

/* The directory that a path's last name lies in. 1: it is not there (and was not to be made). */
static int parent_of(struct tree *t, struct str path, bool make, uint32_t *ret,
                     struct str *ret_name, struct shale_err *e)
{
    const char *slash = memrchr(path.p, '/', path.n);
    struct str dir = {path.p, slash ? (size_t)(slash - path.p) : 0};
    struct way w = {.at = TREE_ROOT, .make = make};

    *ret_name = slash ? (struct str){slash + 1, path.n - dir.n - 1} : path;
    if (t->last.path && t->last.path_n == dir.n && memcmp(t->last.path, dir.p, dir.n) == 0) {
        *ret = t->last.node;
        return 0;
    }
    int r = walk(t, &w, dir, e);
    if (r != 0)
        return r;
    t->last.path = dir.p;
    t->last.path_n = dir.n;
    t->last.node = w.at;
    *ret = w.at;
    return 0;
}

/* ---- entries ---- */

static int apply_whiteout(struct tree *t, struct str path, enum whiteout_kind kind, struct str name,
                          struct shale_err *e)
{
    struct str ignored;
    uint32_t dir, k;
    int r = parent_of(t, path, false, &dir, &ignored, e);

    if (r != 0) /* of what is not there */
        return r < 0 ? r : 0;
    if (kind == WHITEOUT_OPAQUE) {
        remove_lower(t, dir, false);
    } else if (kind == WHITEOUT_NAME && name.n > 0) {
        k = find_node(t, dir, name);
        if (k != TREE_NONE)
            remove_lower(t, k, true);
    }
    t->last.path = NULL;
    return 0;
}

static int apply_root(struct tree *t, const struct tar_entry *x, uint64_t pos, struct shale_err *e)
{
    if (x->type != TAR_DIR)
        return err_set(e, SHALE_CORRUPT, "the root is not a directory");
    t->inodes[0].pos = pos;
    t->inodes[0].layer = t->n_layers;
    return 0;
}

/* Marks of overlayfs, which are left out. */
static bool is_overlay_mark(const struct tar_entry *x)
{
    return x->type == TAR_CHAR && x->dev_major == 0 && x->dev_minor == 0;
}

/* The name itself stays as it is; only that hard links to it are such devices too is noted. 1 */
static int apply_overlay_mark(struct tree *t, const struct tar_entry *x, struct shale_err *e)
{
    struct str name;
    uint32_t dir, k = 0;
    int r = parent_of(t, x->path, true, &dir, &name, e);

    if (r == 0)
        r = get_node(t, dir, name, &k, e);
    if (r < 0)
        return r;
    t->nodes[k].mark = (uint16_t)(t->n_layers + 1);
    return 1;
}

/* 1: to a device that is left out. */
static int link_inode(struct tree *t, const struct tar_entry *x, uint32_t *ret, struct shale_err *e)
{
    struct str name;
    uint32_t dir, k = TREE_NONE;
    int r = parent_of(t, x->link, false, &dir, &name, e);

    if (r < 0)
        return r;
    if (r == 0) {
        uint32_t any = any_node(t, dir, name);
        if (any != TREE_NONE && (t->nodes[any].mark == t->n_layers + 1 ||
                                 (t->nodes[any].mark && t->nodes[any].inode == TREE_NONE)))
            return apply_overlay_mark(t, x, e);
        k = find_node(t, dir, name);
    }
    if (k == TREE_NONE)
        return err_set(e, SHALE_CORRUPT, "hard link %.*s to %.*s, which is not there",
                       (int)x->path.n, x->path.p, (int)x->link.n, x->link.p);
    if (tree_is_dir(t, k))
        return err_set(e, SHALE_CORRUPT, "hard link %.*s to the directory %.*s", (int)x->path.n,
                       x->path.p, (int)x->link.n, x->link.p);
    *ret = t->nodes[k].inode;
    return 0;
}

/* The reader of tars lets nothing else through; a damaged table of contents may hold anything. */
static bool is_name(struct str s)
{
    return s.n > 0 && s.n <= TAR_MAX_NAME_BYTES && !str_eq(s, STR(".")) && !str_eq(s, STR(".."));
}

static int apply(struct tree *t, const struct tar_entry *x, uint64_t pos, struct shale_err *e)
{
    struct str name, white = {NULL, 0};
    uint32_t dir, node, inode = TREE_NONE;
    int r;

    if (x->path.n == 0)
        return apply_root(t, x, pos, e);
    const char *slash = memrchr(x->path.p, '/', x->path.n);
    name = slash ? (struct str){slash + 1, (size_t)(x->path.p + x->path.n - slash - 1)} : x->path;
    if (!is_name(name))
        return err_set(e, SHALE_CORRUPT, "a member's name is not a file's");
    enum whiteout_kind kind = whiteout_classify(name, &white);
    if (kind != WHITEOUT_NONE)
        return apply_whiteout(t, x->path, kind, white, e);
    if (is_overlay_mark(x)) {
        r = apply_overlay_mark(t, x, e);
        return r < 0 ? r : 0;
    }
    /* the link's target first: looking for it may move what is remembered of the way */
    r = x->type == TAR_HARDLINK ? link_inode(t, x, &inode, e) : 0;
    if (r == 1)
        return 0;
    if (r == 0)
        r = parent_of(t, x->path, true, &dir, &name, e);
    if (r == 0)
        r = get_node(t, dir, name, &node, e);
    if (r != 0)
        return r;
    bool was_dir = tree_is_dir(t, node);
    bool was_there = t->nodes[node].inode != TREE_NONE;
    if (x->type == TAR_DIR && was_dir) { /* the same directory with new metadata */
        inode = t->nodes[node].inode;
        t->inodes[inode].pos = pos;
        t->inodes[inode].layer = t->n_layers;
    } else {
        if (was_dir)
            remove_below(t, node);
        if (x->type != TAR_HARDLINK)
            r = new_inode(t, x->type, pos, &inode, e);
        if (r < 0)
            return r;
        t->nodes[node].inode = inode;
        if (was_there || x->type == TAR_SYMLINK)
            t->last.path = NULL; /* ways may lead elsewhere now */
    }
    t->nodes[node].layer = t->n_layers;
    t->nodes[node].mark = 0; /* a file has come in its place */
    touch(t, dir);
    return 0;
}

/* The table at once as large as a layer may need it: making it anew goes all over memory. */
static int make_room(struct tree *t, const struct toc *layer, struct shale_err *e)
{
    struct toc_stats stats;
    uint32_t size = t->table_mask + 1;

    toc_stats(layer, &stats);
    uint64_t n = stats.n_entries < LIMIT_IMAGE_ENTRIES ? stats.n_entries : LIMIT_IMAGE_ENTRIES;
    while (size / 4 * 3 < t->n_nodes + n)
        size *= 2;
    return size > t->table_mask + 1 ? rehash(t, size, e) : 0;
}

int tree_add(struct tree *t, struct toc *layer, struct cancel *c, struct shale_err *e)
{
    struct tar_entry entry;
    uint64_t pos = 0, before = 0, n = 0;
    int r;

    if (t->n_layers == t->cap_layers) {
        struct toc **v = mem_resize(t->layers, (t->cap_layers + 64u) * sizeof(struct toc *));
        if (!v)
            return err_nomem(e);
        t->layers = v;
        t->cap_layers += 64;
    }
    r = make_room(t, layer, e);
    if (r < 0)
        return r;
    t->layers[t->n_layers] = layer;
    t->n_open = (uint16_t)(t->n_layers + 1);
    t->last.path = NULL;
    while ((r = toc_next(layer, &pos, &entry, e)) == 1) {
        r = n++ % CANCEL_EVERY == 0 ? cancel_check(c, e) : 0;
        if (r >= 0)
            r = apply(t, &entry, before ? before : 8, e);
        if (r < 0)
            return r;
        before = pos;
        tree_pace(t, t->n_nodes);
    }
    t->n_layers++;
    return r;
}

int tree_new(struct tree **ret, int dirfd, struct shale_err *e)
{
    struct tree *t = mem_alloc(sizeof *t);
    uint32_t inode;

    if (!t)
        return err_nomem(e);
    t->dirfd = dirfd;
    t->in_nodes = t->in_inodes = (struct spill)SPILL_INIT;
    pace_init(&t->pace);
    int r = rehash(t, 1024, e);
    if (r >= 0)
        r = new_inode(t, TAR_DIR, 0, &inode, e);
    if (r >= 0) {
        t->nodes = grow(t, &t->in_nodes, 0, &t->cap_nodes, sizeof *t->nodes);
        r = t->nodes ? 0 : err_nomem(e);
    }
    if (r < 0) {
        tree_free(t);
        return r;
    }
    t->nodes[0] =
        (struct tree_node){.name = "", .first_child = TREE_NONE, .next = TREE_NONE, .inode = inode};
    t->n_nodes = 1;
    *ret = t;
    return 0;
}

struct tree *tree_free(struct tree *t)
{
    if (!t)
        return NULL;
    spill_clear(&t->in_nodes);
    spill_clear(&t->in_inodes);
    free(t->table);
    pace_clear(&t->pace);
    free(t->layers);
    free(t);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "image/look.h"

#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "image/look_remote.h"

#define MAX_SYMLINKS 40 /* on one way, as the kernel has it */
#define READ_BYTES   (256u << 10)

/* ---- opening ---- */

static int open_layers(struct store *s, const struct meta_image_layer *rows, size_t n,
                       struct cancel *c, struct look *l, struct shale_err *e)
{
    for (size_t i = 0; i < n; i++) {
        int r = store_layer_open(s, &rows[i].diff_id, c, &l->tocs[i], &l->tars[i], e);
        if (r < 0)
            return r;
        l->diff_ids[i] = rows[i].diff_id;
        l->n_layers++;
        r = tree_add(l->tree, l->tocs[i], c, e);
        if (r < 0)
            return err_wrap(e, r, "layer %.19s", rows[i].diff_id.s);
    }
    return 0;
}

int look_open_layers(struct store *s, const struct meta_image_layer *rows, size_t n,
                     struct arena *a, struct cancel *c, struct look *l, struct shale_err *e)
{
    l->tocs = arena_array(a, n + 1, sizeof(struct toc *));
    l->tars = arena_array(a, n + 1, sizeof *l->tars);
    l->diff_ids = arena_array(a, n + 1, sizeof *l->diff_ids);
    if (!l->tocs || !l->tars || !l->diff_ids)
        return err_nomem(e);
    int r = tree_new(&l->tree, -1, e);
    if (r >= 0)
        r = open_layers(s, rows, n, c, l, e);
    return r < 0 ? r : tree_finish(l->tree, c, e);
}

int look_open(struct store *s, const struct digest *image_id, struct arena *a, struct cancel *c,
              struct look *l, struct shale_err *e)
{
    struct meta_image_layer *rows;
    size_t n;
    int r = meta_image_layers(store_meta(s), image_id, a, &rows, &n, e);

    return r < 0 ? r : look_open_layers(s, rows, n, a, c, l, e);
}

void look_close(struct look *l)
{
    l->tree = tree_free(l->tree);
    if (l->remote)
        look_remote_close(l);
    for (size_t i = 0; i < l->n_layers; i++) {
        toc_close(l->tocs[i]);
        if (l->tars[i] >= 0)
            close(l->tars[i]);
    }
    l->n_layers = 0;
}

/* ---- paths ---- */

struct way {
    struct look *l;
    const char *path; /* as asked for, for messages */
    uint32_t at;
    int n_links;
};

static int no_such(const struct way *w, struct shale_err *e)
{
    char shown[300];

    return err_set(e, SHALE_NOT_FOUND, "%s: no such file or directory",
                   str_printable(shown, sizeof shown, w->path));
}

static int not_a_dir(const struct way *w, struct shale_err *e)
{
    char shown[300];

    return err_set(e, SHALE_INVALID, "%s: not a directory",
                   str_printable(shown, sizeof shown, w->path));
}

static uint32_t child_of(const struct tree *t, uint32_t dir, struct str name)
{
    uint32_t k = tree_first(t, dir);

    for (; k != TREE_NONE; k = tree_next(t, k))
        if (t->nodes[k].name_n == name.n && memcmp(t->nodes[k].name, name.p, name.n) == 0)
            break;
    return k;
}

static int walk(struct way *w, struct str path, bool follow, struct shale_err *e);

static int follow_link(struct way *w, uint32_t link, bool follow, struct shale_err *e)
{
    struct tree *t = w->l->tree;
    struct tar_entry entry;
    char shown[300];
    int r = tree_entry(t, t->nodes[link].inode, &entry, e);

    if (r < 0)
        return r;
    if (++w->n_links > MAX_SYMLINKS)
        return err_set(e, SHALE_INVALID, "%s: too many levels of symbolic links",
                       str_printable(shown, sizeof shown, w->path));
    if (entry.link.n == 0)
        return no_such(w, e);
    if (entry.link.p[0] == '/')
        w->at = TREE_ROOT;
    return walk(w, entry.link, follow, e);
}

/* One name, seen from the directory w->at. `last`: nothing comes behind it. */
static int step(struct way *w, struct str name, bool last, bool follow, struct shale_err *e)
{
    struct tree *t = w->l->tree;
    uint32_t k;

    if (!tree_is_dir(t, w->at))
        return not_a_dir(w, e);
    if (name.n == 0 || str_eq(name, STR(".")))
        return 0;
    if (str_eq(name, STR(".."))) {
        w->at = w->at == TREE_ROOT ? w->at : t->nodes[w->at].parent;
        return 0;
    }
    k = child_of(t, w->at, name);
    if (k == TREE_NONE)
        return no_such(w, e);
    if (look_inode(w->l, k)->type == TAR_SYMLINK && (!last || follow))
        return follow_link(w, k, true, e);
    w->at = k;
    return 0;
}

static int walk(struct way *w, struct str path, bool follow, struct shale_err *e)
{
    struct str name;
    int r = 0;

    while (r == 0 && path.n > 0 && str_split(&path, '/', &name)) {
        r = step(w, name, path.n == 0, follow, e);
    }
    return r;
}

int look_find(struct look *l, const char *path, bool follow, uint32_t *ret, struct shale_err *e)
{
    struct way w = {.l = l, .path = path, .at = TREE_ROOT};
    size_t n = strlen(path);
    bool dir = n > 0 && path[n - 1] == '/';

    if (n > TAR_MAX_PATH_BYTES)
        return err_set(e, SHALE_INVALID, "a path of %zu bytes is too long", n);
    int r = walk(&w, (struct str){path, n}, follow || dir, e);
    if (r == 0 && dir && !tree_is_dir(l->tree, w.at))
        r = not_a_dir(&w, e);
    if (r < 0)
        return r;
    *ret = w.at;
    return 0;
}

void look_path(const struct look *l, uint32_t node, struct buf *b)
{
    const struct tree *t = l->tree;
    size_t n = 0;

    for (uint32_t k = node; k != TREE_ROOT; k = t->nodes[k].parent)
        n += t->nodes[k].name_n + 1u;
    if (n == 0)
        return;
    char *p = buf_room(b, n - 1);
    if (!p)
        return;
    size_t at = n - 1;
    for (uint32_t k = node; k != TREE_ROOT; k = t->nodes[k].parent) {
        at -= t->nodes[k].name_n;
        memcpy(p + at, t->nodes[k].name, t->nodes[k].name_n);
        if (at > 0)
            p[--at] = '/';
    }
    b->n += n - 1;
    buf_adds(b, ""); /* the NUL behind it */
}

/* ---- contents ---- */

struct copy {
    int tar;
    look_fn f;
    void *arg;
    struct cancel *c;
    char *block;
};

static int copy_run(struct copy *x, uint64_t offset, uint64_t n, struct shale_err *e)
{
    while (n > 0) {
        size_t want = n < READ_BYTES ? (size_t)n : READ_BYTES, got = 0;
        int r = cancel_check(x->c, e);
        if (r < 0)
            return r;
        if (sys_pread_full(x->tar, x->block, want, offset, &got) < 0)
            return err_sys(e, "read layer");
        if (got != want)
            return err_set(e, SHALE_CORRUPT, "a layer ends within a file: run shale fsck");
        r = x->f(x->arg, x->block, want, e);
        if (r < 0)
            return r;
        offset += want;
        n -= want;
    }
    return 0;
}

static int copy_zeros(struct copy *x, uint64_t n, struct shale_err *e)
{
    memset(x->block, 0, n < READ_BYTES ? (size_t)n : READ_BYTES);
    while (n > 0) {
        size_t want = n < READ_BYTES ? (size_t)n : READ_BYTES;
        int r = cancel_check(x->c, e);
        if (r >= 0)
            r = x->f(x->arg, x->block, want, e);
        if (r < 0)
            return r;
        n -= want;
    }
    return 0;
}

int look_read_inode(struct look *l, const struct tree_inode *i, const struct tar_entry *x,
                    look_fn f, void *arg, struct cancel *c, struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(READ_BYTES);
    int k = l->remote ? look_remote_keep(l, i->layer, x, e) : 0;
    struct copy copy = {l->tars[i->layer], f, arg, c, block};
    uint64_t at = 0;

    if (k < 0)
        return k;
    if (!block)
        return err_nomem(e);
    if (!x->sparse)
        return copy_run(&copy, x->data_offset, x->size_bytes, e);
    for (size_t at_run = 0; at_run < x->n_extents; at_run++) {
        const struct tar_extent *run = &x->extents[at_run];
        if (run->file_offset < at || run->n_bytes > x->size_bytes ||
            run->file_offset > x->size_bytes - run->n_bytes)
            return err_set(e, SHALE_CORRUPT, "damaged table of contents");
        int r = copy_zeros(&copy, run->file_offset - at, e);
        if (r >= 0)
            r = copy_run(&copy, run->data_offset, run->n_bytes, e);
        if (r < 0)
            return r;
        at = run->file_offset + run->n_bytes;
    }
    return copy_zeros(&copy, x->size_bytes - at, e);
}

int look_read(struct look *l, uint32_t node, look_fn f, void *arg, struct cancel *c,
              struct shale_err *e)
{
    const struct tree_inode *i = look_inode(l, node);
    struct tar_entry x;

    if (i->type != TAR_REG)
        return err_set(e, SHALE_INVALID, "%s",
                       i->type == TAR_DIR ? "is a directory" : "is not a regular file");
    int r = tree_entry(l->tree, l->tree->nodes[node].inode, &x, e);
    return r < 0 ? r : look_read_inode(l, i, &x, f, arg, c, e);
}

static int feed(void *arg, const void *p, size_t n, struct shale_err *e)
{
    (void)e;
    hash_update(arg, p, n);
    return 0;
}

int look_sum(struct look *l, const struct tree_inode *i, const struct tar_entry *x,
             uint8_t ret[HASH_MAX_BYTES], struct cancel *c, struct shale_err *e)
{
    _cleanup_(hash_clear) struct hash h = {0};

    if (l->remote && look_remote_sum(l, i->layer, x, ret))
        return 0;
    int r = hash_init(&h, HASH_SHA256, e);
    if (r >= 0)
        r = look_read_inode(l, i, x, feed, &h, c, e);
    if (r >= 0)
        hash_final(&h, ret);
    return r;
}

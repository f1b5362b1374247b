/* SPDX-License-Identifier: Apache-2.0 */
/* `ls`, `tree` and `cat`: the files of an image, listed and read. */
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "image/image_priv.h"
#include "image/look_remote.h"

#define MAX_PATH_BYTES ((TAR_MAX_NAME_BYTES + 1) * TREE_MAX_DEPTH)

/* The registry's image, or NULL. */
static const char *remote_ref(const char *what, bool remote)
{
    const char *ref = look_remote_name(what);

    return ref ? ref : remote ? what : NULL;
}

static int open_image(struct image_host *h, const char *what, const char *platform, struct arena *a,
                      struct look *l, struct shale_err *e)
{
    struct image_found found;
    int r = image_find_platform(h->store, what, platform, a, &found, e);

    return r < 0 ? r : look_open(h->store, &found.id, a, h->cancel, l, e);
}

static void close_image(struct look *l, struct shale_fetched *ret)
{
    if (l->remote && ret)
        look_remote_tell(l, ret);
    look_close(l);
}

/* ---- listing ---- */

struct ls {
    struct look *l;
    const struct shale_ls_opts *o;
    struct cancel *cancel;
    struct buf path; /* of the node at hand */
    uint32_t start;
    uint32_t n_sums; /* made so far: marks inodes that a sum has seen */
};

static bool hidden(const struct ls *x, uint32_t node)
{
    return !x->o->all && x->l->tree->nodes[node].name[0] == '.';
}

static int64_t mtime_of(const struct tree_inode *i, const struct tar_entry *entry)
{
    if (i->pos == 0)
        return TIME_NONE;
    if (entry->mtime_s > INT64_MAX / NS_PER_S - 1 || entry->mtime_s < INT64_MIN / NS_PER_S + 1)
        return entry->mtime_s > 0 ? INT64_MAX : INT64_MIN + 1;
    return entry->mtime_s * NS_PER_S + entry->mtime_ns;
}

/* All regular files below `top`, an inode once. */
static uint64_t sum_of(struct ls *x, uint32_t top)
{
    struct tree *t = x->l->tree;
    struct tar_entry entry;
    uint64_t sum = 0;
    uint32_t at = top, mark = ++x->n_sums;

    for (;;) {
        struct tree_inode *i = &t->inodes[t->nodes[at].inode];
        if (i->type == TAR_REG && i->user != mark &&
            tree_entry(t, t->nodes[at].inode, &entry, NULL) >= 0)
            sum += entry.size_bytes;
        i->user = mark;
        tree_pace(t, at);
        uint32_t child = tree_is_dir(t, at) ? tree_first(t, at) : TREE_NONE;
        if (child != TREE_NONE) {
            at = child;
            continue;
        }
        while (at != top && tree_next(t, at) == TREE_NONE)
            at = t->nodes[at].parent;
        if (at == top)
            return sum;
        at = tree_next(t, at);
    }
}

static int show(struct ls *x, uint32_t node, uint32_t depth, struct shale_err *e)
{
    static const enum shale_file_kind kinds[] = {
        [TAR_REG] = SHALE_FILE_REGULAR,     [TAR_HARDLINK] = SHALE_FILE_REGULAR,
        [TAR_SYMLINK] = SHALE_FILE_SYMLINK, [TAR_CHAR] = SHALE_FILE_CHAR,
        [TAR_BLOCKDEV] = SHALE_FILE_BLOCK,  [TAR_DIR] = SHALE_FILE_DIRECTORY,
        [TAR_FIFO] = SHALE_FILE_FIFO,
    };
    const struct tree_inode *i = look_inode(x->l, node);
    struct tar_entry entry;
    int r = tree_entry(x->l->tree, x->l->tree->nodes[node].inode, &entry, e);

    buf_reset(&x->path);
    look_path(x->l, node, &x->path);
    if (r >= 0)
        r = buf_check(&x->path, e);
    if (r < 0)
        return r;
    const char *path = buf_str(&x->path), *slash = strrchr(path, '/');
    struct shale_file f = {
        .path = path,
        .name = slash ? slash + 1 : path,
        .link = i->type == TAR_SYMLINK ? entry.link.p : "",
        .kind = kinds[i->type],
        .mode = entry.mode,
        .uid = entry.uid,
        .gid = entry.gid,
        .n_links = i->nlink,
        .dev_major = entry.dev_major,
        .dev_minor = entry.dev_minor,
        .size_bytes = i->type == TAR_REG       ? entry.size_bytes
                      : i->type == TAR_SYMLINK ? entry.link.n
                                               : 0,
        .mtime_ns = mtime_of(i, &entry),
        .layer = i->pos ? x->l->diff_ids[i->layer].s : "",
        .layer_number = i->pos ? i->layer + 1u : 0,
        .depth = depth,
    };
    uint32_t next = depth > 0 ? tree_next(x->l->tree, node) : TREE_NONE;
    while (next != TREE_NONE && hidden(x, next))
        next = tree_next(x->l->tree, next);
    f.last = next == TREE_NONE;
    f.total_bytes = !x->o->totals ? 0 : i->type == TAR_DIR ? sum_of(x, node) : f.size_bytes;
    return x->o->on_file ? x->o->on_file(x->o->arg, &f) : 0;
}

/* The first one from `node` on, in its directory, that is shown. */
static uint32_t shown(const struct ls *x, uint32_t node)
{
    while (node != TREE_NONE && hidden(x, node))
        node = tree_next(x->l->tree, node);
    return node;
}

static int walk_dir(struct ls *x, struct shale_err *e)
{
    struct tree *t = x->l->tree;
    uint32_t depth = 1, at = shown(x, tree_first(t, x->start));

    while (at != TREE_NONE) {
        int r = cancel_check(x->cancel, e);
        if (r >= 0)
            r = show(x, at, depth, e);
        if (r < 0)
            return r;
        tree_pace(t, at);
        bool enter = x->o->recursive && (x->o->max_depth == 0 || depth < x->o->max_depth);
        uint32_t child = enter && tree_is_dir(t, at) ? shown(x, tree_first(t, at)) : TREE_NONE;
        if (child != TREE_NONE) {
            at = child;
            depth++;
            continue;
        }
        for (child = shown(x, tree_next(t, at)); child == TREE_NONE && depth > 1; depth--) {
            at = t->nodes[at].parent;
            child = shown(x, tree_next(t, at));
        }
        at = child;
    }
    return 0;
}

static int list(struct ls *x, const char *path, struct shale_err *e)
{
    bool dir;
    int r = look_find(x->l, path, !x->o->no_follow, &x->start, e);

    if (r < 0)
        return r;
    dir = tree_is_dir(x->l->tree, x->start);
    if (!dir || x->o->itself || x->o->only_itself)
        r = show(x, x->start, 0, e);
    return r < 0 || !dir || x->o->only_itself ? r : walk_dir(x, e);
}

int image_ls(struct image_host *h, const char *what, const char *const *paths, size_t n,
             const struct shale_ls_opts *o, struct arena *a, struct shale_err *e)
{
    static const char *const root[] = {"/"};
    const char *ref = remote_ref(what, o->remote);
    struct look l = LOOK_INIT;
    struct ls x = {.l = &l, .o = o, .cancel = h->cancel, .path = BUF_INIT(MAX_PATH_BYTES)};
    int r = ref ? look_remote_open(h, ref, o->platform, a, &l, e)
                : open_image(h, what, o->platform, a, &l, e);

    if (n == 0) {
        paths = root;
        n = 1;
    }
    if (r >= 0 && ref)
        r = look_remote_read(&l, e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = list(&x, paths[i], e);
    buf_clear(&x.path);
    close_image(&l, o->fetched);
    return r < 0 ? r : 0;
}

/* ---- reading ---- */

static int put(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return sys_write_all(*(const int *)arg, p, n) < 0 ? err_sys(e, "write") : 0;
}

static int cat_one(struct look *l, const char *path, int fd, struct cancel *c, struct shale_err *e)
{
    char text[300];
    uint32_t node = TREE_ROOT;
    int r = look_find(l, path, true, &node, e);

    if (r < 0)
        return r;
    r = look_read(l, node, put, &fd, c, e);
    return r == -SHALE_INVALID ? err_wrap(e, r, "%s", str_printable(text, sizeof text, path)) : r;
}

/* Of one path only? Otherwise (the output is gone, Ctrl-C) the others would fail as well. */
static bool of_the_path(int r)
{
    return r == -SHALE_NOT_FOUND || r == -SHALE_INVALID || r == -SHALE_CORRUPT;
}

int image_cat(struct image_host *h, const char *what, const char *const *paths, size_t n,
              const struct shale_cat_opts *o, struct arena *a, struct shale_err *e)
{
    const char *ref = remote_ref(what, o->remote);
    struct look l = LOOK_INIT;
    int n_failed = 0;
    int r = ref ? look_remote_open(h, ref, o->platform, a, &l, e)
                : open_image(h, what, o->platform, a, &l, e);

    if (r >= 0 && ref)
        r = look_until(&l, paths, n, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct shale_err why = SHALE_ERR_INIT;
        r = cat_one(&l, paths[i], o->fd, h->cancel, &why);
        if (r < 0 && o->on_error && of_the_path(r)) {
            o->on_error(o->arg, paths[i], &why);
            n_failed++;
            r = 0;
        } else if (r < 0 && e) {
            *e = why;
        }
    }
    close_image(&l, o->fetched);
    return r < 0 ? r : n_failed;
}

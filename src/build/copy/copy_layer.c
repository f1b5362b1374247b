/* SPDX-License-Identifier: Apache-2.0 */
/* The layer of a COPY: where its files go, and the tar. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/context/copy_way.h"
#include "build/copy/copy_priv.h"
#include "container/pack.h"

struct member {
    const char *path;
    const struct copy_item *it;
    struct copy_entry *x; /* NULL: a folder that is made, or a heredoc */
    size_t order;
};

struct layer {
    struct build_copy *c;
    int below; /* -1: nothing */
    struct shale_err *e;
    struct arena a;
    struct copy_owner owner;
    struct member *v;
    size_t n, cap;
    const char *dest;    /* where links lead to: relative, clean */
    bool dest_is_folder; /* said so, or is one, or has become one */
    struct pack *pack;
    const struct member *now;
    struct build_copy_stats stats;
    char *parent; /* of the source that was opened last */
    int parent_fd, parent_root;
};

static bool is_made(const struct member *m)
{
    return !m->x && !m->it;
}
static bool is_folder(const struct member *m)
{
    return m->x ? S_ISDIR(m->x->st.mode) : is_made(m);
}

/* ---- the plan ---- */

static int plan(struct layer *l, const char *path, const struct copy_item *it, struct copy_entry *x)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 64;
        struct member *v = mem_resize(l->v, cap * sizeof *v);
        if (!v)
            return err_nomem(l->e);
        l->v = v;
        l->cap = cap;
    }
    if (!path)
        return err_set(l->e, SHALE_LIMIT, "too many files are copied");
    if (strlen(path) > TAR_MAX_PATH_BYTES)
        return err_set(l->e, SHALE_LIMIT, "a path is longer than %d bytes", TAR_MAX_PATH_BYTES);
    l->v[l->n] = (struct member){path, it, x, l->n};
    l->n++;
    return 0;
}

/* 1 and *st: it is there, below. The folders above it are no links. */
static int look(const struct layer *l, const char *path, struct stat *st)
{
    if (l->below < 0)
        return 0;
    if (fstatat(l->below, *path ? path : ".", st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(l->e, "stat /%.300s", path);
}

/* The folder and those above it, unless they are there. */
static int plan_folders(struct layer *l, const char *path)
{
    size_t n = strlen(path);
    struct stat st;
    int r = 0;

    for (size_t i = 1; r >= 0 && i <= n; i++) {
        if (i < n && path[i] != '/')
            continue;
        const char *part = arena_strndup(&l->a, path, i);
        if (!part)
            return err_nomem(l->e);
        r = look(l, part, &st);
        if (r > 0 && !S_ISDIR(st.st_mode))
            return err_set(l->e, SHALE_INVALID,
                           "cannot create /%.300s: it is there and no directory", part);
        if (r == 0)
            r = plan(l, part, NULL, NULL);
    }
    return r < 0 ? r : 0;
}

static const char *join(struct layer *l, const char *dir, const char *name)
{
    return !*dir ? name : !*name ? dir : arena_printf(&l->a, "%s/%s", dir, name);
}

static int plan_file(struct layer *l, const struct copy_item *it)
{
    const char *path = l->dest_is_folder ? join(l, l->dest, it->name) : l->dest;
    if (!path)
        return err_nomem(l->e);
    const char *slash = strrchr(path, '/');
    int r = 0;

    if (slash) {
        const char *dir = arena_strndup(&l->a, path, (size_t)(slash - path));
        r = dir ? plan_folders(l, dir) : err_nomem(l->e);
    }
    return r < 0 ? r : plan(l, path, it, it->n ? it->v : NULL);
}

static int plan_contents(struct layer *l, const struct copy_item *it)
{
    struct stat st;
    int r = look(l, l->dest, &st);

    if (r > 0 && !S_ISDIR(st.st_mode))
        return err_set(l->e, SHALE_INVALID, "cannot copy to non-directory: /%.300s", l->dest);
    if (r >= 0)
        r = plan_folders(l, l->dest);
    for (size_t i = 1; r >= 0 && i < it->n; i++)
        r = plan(l, join(l, l->dest, it->v[i].rel), it, &it->v[i]);
    l->dest_is_folder = true;
    return r;
}

/* ---- archives ---- */

/* A folder of the archive on the way to its member. */
struct depth {
    const char *rel, *to;
    bool replaced; /* there it was none: nothing that is below there counts */
};

/* The folder that the member is in: those that it is not below are left. */
static size_t leave(const struct depth *v, size_t n, const char *rel)
{
    while (n > 1) {
        size_t k = strlen(v[n - 1].rel);
        if (strncmp(rel, v[n - 1].rel, k) == 0 && rel[k] == '/')
            break;
        n--;
    }
    return n;
}

/* One that the archive does not name itself is the stage's own, also behind a link. */
static int plan_implied(struct layer *l, struct depth *d)
{
    struct way w = {0};
    int r = d->replaced ? 0 : way_find(l->below, d->to, &l->a, &w, l->e);

    if (r < 0)
        return r;
    if (w.exists && S_ISDIR(w.st.st_mode)) {
        d->to = w.path;
        return 0;
    }
    return plan(l, d->to, NULL, NULL);
}

static int plan_member(struct layer *l, const struct copy_item *it, struct copy_entry *x,
                       struct depth *d)
{
    struct stat st;

    if (x->implied)
        return plan_implied(l, d);
    int r = d->replaced ? 0 : look(l, d->to, &st);
    if (r > 0 && !S_ISDIR(st.st_mode))
        d->replaced = true;
    return r < 0 ? r : plan(l, d->to, it, x);
}

/* As docker unpacks: what is in the way is replaced, but for folders by folders. */
static int plan_archive(struct layer *l, const struct copy_item *it)
{
    struct depth v[COPY_MAX_DEPTH + 2] = {{"", l->dest, false}};
    size_t n = 1;
    int r = plan_folders(l, l->dest);

    for (size_t i = 1; r >= 0 && i < it->n; i++) {
        struct copy_entry *x = &it->v[i];
        n = leave(v, n, x->rel);
        v[n] = (struct depth){x->rel, join(l, v[n - 1].to, way_base(x->rel)), v[n - 1].replaced};
        if (!v[n].to)
            return err_nomem(l->e);
        r = plan_member(l, it, x, &v[n]);
        if (S_ISDIR(x->st.mode))
            n++;
    }
    l->dest_is_folder = true;
    return r;
}

static int plan_item(struct layer *l, const struct copy_item *it)
{
    return it->unpacked ? plan_archive(l, it)
           : it->is_dir ? plan_contents(l, it)
                        : plan_file(l, it);
}

/* ---- all of them ---- */

static bool says_folder(const char *dest)
{
    size_t n = strlen(dest);

    return n == 0 || dest[n - 1] == '/' || streq(dest, ".") || streq(dest, "..") ||
           str_has_suffix(dest, "/.") || str_has_suffix(dest, "/..");
}

static int find_dest(struct layer *l)
{
    const struct build_copy_opts *o = l->c->o;
    struct way w;
    const char *dest = o->dest[0] == '/' || !o->workdir
                           ? o->dest
                           : arena_printf(&l->a, "%s/%s", o->workdir, o->dest);
    if (!dest)
        return err_nomem(l->e);
    int r = way_find(l->below, dest, &l->a, &w, l->e);
    if (r < 0)
        return r;
    l->dest = w.path;
    l->dest_is_folder = says_folder(o->dest) || !*w.path || (w.exists && S_ISDIR(w.st.st_mode));
    return 0;
}

static int by_path(const void *x, const void *y)
{
    const struct member *a = x, *b = y;
    int r = strcmp(a->path, b->path);

    return r ? r : a->order < b->order ? -1 : a->order > b->order;
}

/* Of those with the same name the last one stays; a folder that is made stands back. */
static int settle(struct layer *l)
{
    size_t n = 0;

    if (l->n > 1)
        qsort(l->v, l->n, sizeof *l->v, by_path);
    for (size_t i = 0; i < l->n; i++) {
        const struct member *m = &l->v[i];
        struct member *last = n ? &l->v[n - 1] : NULL;
        if (!last || !streq(last->path, m->path)) {
            l->v[n++] = *m;
            continue;
        }
        if (is_folder(last) != is_folder(m))
            return err_set(l->e, SHALE_INVALID,
                           "/%.300s is a folder and another file by the same COPY", m->path);
        if (!is_made(m))
            *last = *m;
    }
    l->n = n;
    return 0;
}

/* Nothing becomes a folder that was none, or the other way round. */
static int check_below(const struct layer *l)
{
    struct stat st;

    for (size_t i = 0; i < l->n; i++) {
        const struct member *m = &l->v[i];
        int r = is_made(m) || m->it->unpacked ? 0 : look(l, m->path, &st);
        if (r < 0)
            return r;
        if (r == 0 || S_ISDIR(st.st_mode) == is_folder(m))
            continue;
        return is_folder(m)
                   ? err_set(l->e, SHALE_INVALID, "cannot copy to non-directory: /%.300s", m->path)
                   : err_set(l->e, SHALE_INVALID, "cannot replace directory /%.300s with a file",
                             m->path);
    }
    return 0;
}

static int make_plan(struct layer *l)
{
    int r = find_dest(l);
    size_t n_files = 0;

    for (size_t i = 0; i < l->c->n_items; i++)
        n_files += !l->c->items[i].is_dir;
    if (r >= 0 && n_files > 0 && l->c->n_items > 1 && !l->dest_is_folder)
        return err_set(l->e, SHALE_INVALID,
                       "When using %s with more than one source file, the destination must be a "
                       "directory and end with a /",
                       l->c->o->add ? "ADD" : "COPY");
    if (r >= 0 && l->c->o->n_sources == 0)
        r = plan_folders(l, l->dest);
    for (size_t i = 0; r >= 0 && i < l->c->n_items; i++)
        r = plan_item(l, &l->c->items[i]);
    if (r >= 0)
        r = settle(l);
    return r < 0 ? r : check_below(l);
}

/* ---- the tar ---- */

static int64_t seconds(const struct layer *l, int64_t ns)
{
    int64_t max = l->c->o->max_mtime_ns;

    if (max != TIME_NONE && ns > max)
        ns = max;
    return ns >= 0 ? ns / NS_PER_S : (ns - NS_PER_S + 1) / NS_PER_S;
}

static bool same_file(const struct copy_stat *x, const struct stat *st)
{
    struct copy_stat now;

    copy_stat_of(st, &now);
    return now.ino == x->ino && now.dev == x->dev && now.size == x->size && now.mode == x->mode &&
           now.mtime_ns == x->mtime_ns && now.ctime_ns == x->ctime_ns;
}

static int changed(const struct layer *l, const struct copy_entry *x)
{
    char shown[300];

    str_printable(shown, sizeof shown, x->path);
    return err_set(l->e, SHALE_CONFLICT, "\"/%s\" of %s changed while it was copied; build again",
                   shown, l->c->o->tree->what);
}

static struct stat stat_of(const struct copy_stat *x)
{
    return (struct stat){
        .st_dev = x->dev,
        .st_ino = x->ino,
        .st_size = (off_t)x->size,
        .st_rdev = x->rdev,
        .st_nlink = x->nlink,
        .st_mode = x->mode,
        .st_uid = x->uid,
        .st_gid = x->gid,
        .st_mtim = {x->mtime_ns / NS_PER_S, x->mtime_ns % NS_PER_S},
        .st_ctim = {x->ctime_ns / NS_PER_S, x->ctime_ns % NS_PER_S},
    };
}

static int adjust(void *arg, struct tar_entry *t, const struct stat *st, struct shale_err *e)
{
    const struct layer *l = arg;
    const struct member *m = l->now;

    if (S_ISREG(st->st_mode) && !same_file(&m->x->st, st))
        return changed(l, m->x);
    if (l->owner.set) {
        t->uid = l->owner.uid;
        t->gid = l->owner.gid;
    } else if (!m->it->keeps_owner) {
        t->uid = t->gid = 0;
    }
    if (l->c->mode && !S_ISLNK(st->st_mode) && !m->it->unpacked)
        t->mode = copy_mode_apply(l->c->mode, st->st_mode) & 07777;
    t->mtime_s = seconds(l, m->x->st.mtime_ns);
    return m->x->has_sum && !m->x->sum[COPY_SUM_XATTRS];
}

/* The folder that has the source; borrowed. */
static int open_parent(struct layer *l, const struct member *m, const char **ret_name)
{
    const char *path = m->x->path, *name = way_base(path);
    size_t n = name > path ? (size_t)(name - path) - 1 : 0;

    *ret_name = *name ? name : ".";
    if (l->parent && l->parent_root == m->it->root_fd && strlen(l->parent) == n &&
        memcmp(l->parent, path, n) == 0)
        return l->parent_fd;
    free(l->parent);
    l->parent = mem_strndup(path, n);
    if (!l->parent)
        return err_nomem(l->e);
    if (l->parent_fd >= 0)
        close(TAKE_FD(l->parent_fd));
    l->parent_fd = inroot_open(m->it->root_fd, n ? l->parent : ".", O_RDONLY | O_DIRECTORY, l->e);
    l->parent_root = m->it->root_fd;
    return l->parent_fd;
}

/* Its bytes are the last in the tar, unless it was only another name of a file. */
static void note_place(const struct layer *l, const struct member *m)
{
    uint64_t n = (m->x->st.size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;

    if (S_ISREG(m->x->st.mode) && m->x->st.nlink == 1 && n)
        m->x->data_at = tar_writer_bytes(pack_tar(l->pack)) - n;
}

static int put_file(struct layer *l, const struct member *m)
{
    const char *name;
    struct stat st = stat_of(&m->x->st);
    int dir = open_parent(l, m, &name);

    if (dir < 0)
        return dir;
    const struct change x = {CHANGE_ADDED, m->path, dir, name, &st, false};
    int r = pack_member(l->pack, &x, l->e);
    if (r == 0)
        return changed(l, m->x);
    if (r < 0 || S_ISDIR(st.st_mode))
        return r;
    l->stats.bytes += (uint64_t)st.st_size;
    note_place(l, m);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !same_file(&m->x->st, &st))
        return changed(l, m->x);
    return 0;
}

/* A member of an archive. */
static int put_packed(struct layer *l, const struct member *m)
{
    struct tar_entry t = m->x->packed->t;

    t.path = str_of(m->path);
    if (l->owner.set) {
        t.uid = l->owner.uid;
        t.gid = l->owner.gid;
    }
    if (l->c->o->max_mtime_ns != TIME_NONE && t.mtime_s > seconds(l, l->c->o->max_mtime_ns))
        t.mtime_s = seconds(l, l->c->o->max_mtime_ns);
    l->stats.bytes += t.type == TAR_REG ? t.size_bytes : 0;
    return copy_packed_put(l->c, m->it, m->x, &t, pack_tar(l->pack), l->e);
}

/* A folder that is made, or a heredoc. */
static int put_made(struct layer *l, const struct member *m)
{
    const char *text = m->it ? m->it->text : NULL;
    struct tar_entry t = {.type = text ? TAR_REG : TAR_DIR,
                          .path = str_of(m->path),
                          .mode = text ? 0644 : 0755,
                          .uid = l->owner.uid,
                          .gid = l->owner.gid,
                          .mtime_s = seconds(l, l->c->o->now_ns),
                          .size_bytes = text ? strlen(text) : 0};

    if (text && l->c->mode)
        t.mode = copy_mode_apply(l->c->mode, S_IFREG | t.mode) & 07777;
    l->stats.bytes += t.size_bytes;
    int r = tar_write_entry(pack_tar(l->pack), &t, l->e);
    if (r >= 0 && t.size_bytes)
        r = tar_write_data(pack_tar(l->pack), text, t.size_bytes, l->e);
    return r;
}

static int put_members(struct layer *l)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < l->n; i++) {
        l->now = &l->v[i];
        r = cancel_check(l->c->o->cancel, l->e);
        if (r >= 0)
            r = !l->now->x          ? put_made(l, l->now)
                : l->now->x->packed ? put_packed(l, l->now)
                                    : put_file(l, l->now);
        l->stats.n_members++;
    }
    return r < 0 ? r : tar_writer_end(pack_tar(l->pack), l->e);
}

static void layer_clear(struct layer *l)
{
    arena_clear(&l->a);
    free(l->v);
    free(l->parent);
    if (l->parent_fd >= 0)
        close(l->parent_fd);
    pack_free(l->pack);
}

int build_copy_layer(struct build_copy *c, int below_fd, tar_out_fn out, void *arg,
                     struct build_copy_stats *ret, struct shale_err *e)
{
    _cleanup_(layer_clear) struct layer l = {.c = c,
                                             .below = c->o->link ? -1 : below_fd,
                                             .e = e,
                                             .a = ARENA_INIT(COPY_MAX_BYTES),
                                             .parent_fd = -1,
                                             .parent_root = -1};
    int r = copy_owner_find(c->o->chown, below_fd, &c->a, &l.owner, e);

    if (r >= 0)
        r = copy_settle_items(c, e);
    if (r >= 0)
        r = make_plan(&l);
    if (r >= 0)
        r = pack_new(out, arg, c->o->cancel, &l.pack, e);
    if (r < 0)
        return r;
    pack_adjust(l.pack, adjust, &l);
    r = put_members(&l);
    if (r >= 0)
        *ret = l.stats;
    return r;
}

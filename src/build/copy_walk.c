/* SPDX-License-Identifier: Apache-2.0 */
/* A folder's files as entries, in the order of their names; what is left out does not come. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/copy_priv.h"
#include "build/copy_way.h"

struct walk {
    struct build_copy *c;
    struct copy_item *it;
    struct shale_err *e;
    char path[PATH_MAX];
    size_t n;      /* bytes of it */
    size_t rel_at; /* where the part below the item begins */
    unsigned depth;
};

struct names {
    struct arena a;
    const char **v;
    size_t n, cap;
};

void copy_stat_of(const struct stat *st, struct copy_stat *ret)
{
    *ret = (struct copy_stat){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0,
        .rdev = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) ? st->st_rdev : 0,
        .nlink = st->st_nlink,
        .mtime_ns = st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec,
        .ctime_ns = st->st_ctim.tv_sec * NS_PER_S + st->st_ctim.tv_nsec,
        .mode = st->st_mode,
        .uid = st->st_uid,
        .gid = st->st_gid,
    };
}

/* ---- names of a folder ---- */

static int collect(void *arg, const char *name, unsigned char type)
{
    struct names *l = arg;
    const char **v = arena_grow(&l->a, l->v, l->n, &l->cap, sizeof *v);
    const char *s = v ? arena_strdup(&l->a, name) : NULL;

    if (!s)
        return -SHALE_LIMIT;
    l->v = v;
    v[l->n++] = s;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void names_clear(struct names *l)
{
    arena_clear(&l->a);
}

static int list(const struct walk *w, int fd, struct names *ret)
{
    int r = fs_each(fd, ".", collect, ret, w->e);

    if (r == -SHALE_LIMIT)
        return err_set(w->e, SHALE_LIMIT, "too many names in /%.300s", w->path);
    if (r >= 0 && ret->n > 1)
        qsort(ret->v, ret->n, sizeof *ret->v, by_name);
    return r;
}

/* ---- entries ---- */

static int fail(const struct walk *w, const char *what)
{
    char shown[300];
    int saved = errno;

    str_printable(shown, sizeof shown, w->path);
    errno = saved;
    return err_sys(w->e, "%s \"/%s\" of %s", what, shown, w->c->o->tree->what);
}

static int read_link(struct walk *w, int dir, const char *name, const char **ret)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(dir, name, target, sizeof target);

    if (n < 0)
        return fail(w, "read link");
    *ret = arena_strndup(&w->c->a, target, (size_t)n);
    return *ret ? 0 : err_nomem(w->e);
}

static int add_entry(struct walk *w, int dir, const char *name, const struct stat *st)
{
    struct copy_item *it = w->it;
    struct build_copy *c = w->c;
    struct copy_entry x = {.path = arena_strndup(&c->a, w->path, w->n)};
    int r = x.path && S_ISLNK(st->st_mode) ? read_link(w, dir, name, &x.link) : 0;

    if (r < 0)
        return r;
    if (++c->n_entries > COPY_MAX_ENTRIES || !x.path)
        return err_set(w->e, SHALE_LIMIT, "there are too many files in %s", c->o->tree->what);
    x.rel = w->n > w->rel_at ? x.path + w->rel_at : "";
    copy_stat_of(st, &x.st);
    struct copy_entry *v = it->v;
    if (it->n == it->cap) {
        size_t cap = it->cap ? it->cap * 2 : 16;
        v = mem_resize(it->v, cap * sizeof *v);
        if (!v)
            return err_nomem(w->e);
        it->v = v;
        it->cap = cap;
    }
    v[it->n++] = x;
    return 0;
}

static int walk_entry(struct walk *w, int dir, const char *name);

static int walk_below(struct walk *w, int dir, const char *name)
{
    _cleanup_(names_clear) struct names l = {.a = ARENA_INIT(COPY_MAX_BYTES)};
    _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    size_t n = w->n;
    int r = fd < 0 ? fail(w, "open") : list(w, fd, &l);

    if (r >= 0 && ++w->depth > COPY_MAX_DEPTH)
        return err_set(w->e, SHALE_LIMIT, "/%.300s: more than %d levels of folders", w->path,
                       COPY_MAX_DEPTH);
    for (size_t i = 0; r >= 0 && i < l.n; i++) {
        int k = snprintf(w->path + n, sizeof w->path - n, "%s%s", n ? "/" : "", l.v[i]);
        if (k < 0 || n + (size_t)k > TAR_MAX_PATH_BYTES)
            return err_set(w->e, SHALE_LIMIT, "a path is longer than %d bytes", TAR_MAX_PATH_BYTES);
        w->n = n + (size_t)k;
        r = walk_entry(w, fd, l.v[i]);
    }
    w->depth--;
    w->n = n;
    w->path[n] = 0;
    return r;
}

static int walk_entry(struct walk *w, int dir, const char *name)
{
    struct stat st;
    int r = cancel_check(w->c->o->cancel, w->e);

    if (r < 0)
        return r;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : fail(w, "stat");
    if (S_ISSOCK(st.st_mode))
        return 0;
    r = add_entry(w, dir, name, &st);
    return r >= 0 && S_ISDIR(st.st_mode) ? walk_below(w, dir, name) : r;
}

int copy_walk(struct build_copy *c, struct copy_item *it, const char *path, struct shale_err *e)
{
    struct walk w = {.c = c, .it = it, .e = e};
    const char *base = way_base(path);
    size_t n = strlen(path);

    if (n > TAR_MAX_PATH_BYTES)
        return err_set(e, SHALE_LIMIT, "a path is longer than %d bytes", TAR_MAX_PATH_BYTES);
    memcpy(w.path, path, n + 1);
    w.n = n;
    w.rel_at = n ? n + 1 : 0;
    if (!n)
        return walk_entry(&w, it->root_fd, ".");
    w.path[n - strlen(base) - (base > path)] = 0;
    _cleanup_close_ int dir =
        inroot_open(it->root_fd, *w.path ? w.path : ".", O_PATH | O_DIRECTORY, e);
    memcpy(w.path, path, n + 1);
    return dir < 0 ? dir : walk_entry(&w, dir, base);
}

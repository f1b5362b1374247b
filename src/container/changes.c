/* SPDX-License-Identifier: Apache-2.0 */
#include "container/changes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "container/initfiles.h"

#define CAPS_MAX_BYTES 64

struct walker {
    unsigned flags;
    change_fn f;
    void *arg;
    struct cancel *c;
    struct shale_err *e;
    char path[PATH_MAX];
};

struct level { /* a folder on the way down */
    struct level *up;
    int upper;
    const struct lower *lower;
    bool pending; /* not told yet: it counts when something in it does */
    enum change_kind kind;
    bool opaque;
    struct stat st;
    size_t path_n, name_at, depth;
};

struct names {
    struct arena a;
    struct name {
        const char *s;
        bool lower;
    } * v;
    size_t n, cap;
    bool lower; /* of those that come */
};

/* ---- names of a folder ---- */

static int collect(void *arg, const char *name, unsigned char type)
{
    struct names *l = arg;
    struct name *v = arena_grow(&l->a, l->v, l->n, &l->cap, sizeof *v);
    char *s = v ? arena_strdup(&l->a, name) : NULL;

    if (!s)
        return -SHALE_LIMIT;
    l->v = v;
    v[l->n++] = (struct name){s, l->lower};
    return 0;
}

static int by_name(const void *a_, const void *b_)
{
    const struct name *a = a_, *b = b_;
    int r = strcmp(a->s, b->s);

    return r ? r : (int)a->lower - (int)b->lower; /* the upper one first */
}

static int list(const struct walker *w, const struct level *l, struct names *ret)
{
    int r = fs_each(l->upper, ".", collect, ret, w->e);

    ret->lower = true;
    if (r >= 0 && l->opaque && lower_is(l->lower))
        r = lower_each(l->lower, collect, ret, w->e);
    if (r == -SHALE_LIMIT)
        return err_set(w->e, SHALE_LIMIT, "too many names in /%.300s", w->path);
    if (r >= 0 && ret->n > 1)
        qsort(ret->v, ret->n, sizeof *ret->v, by_name);
    return r;
}

/* ---- comparing ---- */

static size_t capabilities(const struct lower *dir, const char *name, char ret[CAPS_MAX_BYTES])
{
    return lower_xattr(dir, name, "security.capability", ret, CAPS_MAX_BYTES);
}

/* Times from tars have no fraction. */
static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && (a->tv_nsec == b->tv_nsec || !a->tv_nsec || !b->tv_nsec);
}

static bool differ(const struct level *l, const char *name, const struct stat *a,
                   const struct stat *b)
{
    char x[CAPS_MAX_BYTES], y[CAPS_MAX_BYTES];

    if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
        ((S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode)) && a->st_rdev != b->st_rdev))
        return true;
    if (S_ISDIR(a->st_mode))
        return false;
    if (a->st_size != b->st_size || !same_time(&a->st_mtim, &b->st_mtim))
        return true;
    const struct lower upper = {.fd = l->upper};
    size_t n = capabilities(&upper, name, x);
    return n != capabilities(l->lower, name, y) || memcmp(x, y, n) != 0;
}

static bool is_whiteout(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static bool is_opaque(int fd)
{
    char v = 0;

    return (fgetxattr(fd, "trusted.overlay.opaque", &v, 1) == 1 ||
            fgetxattr(fd, "user.overlay.opaque", &v, 1) == 1) &&
           v == 'y';
}

static bool is_initfile(const struct walker *w, const struct level *l, const char *name,
                        const struct stat *st)
{
    return initfile_is(w->path, l->upper, name, st, !(w->flags & CHANGES_OF_STEP));
}

/* ---- telling ---- */

/* Tells of the folder and those above it, unless that was done. */
static int announce(struct walker *w, struct level *l)
{
    if (!l || !l->pending)
        return 0;
    l->pending = false;
    int r = announce(w, l->up);
    if (r < 0)
        return r;
    char next = w->path[l->path_n];
    w->path[l->path_n] = 0;
    const struct change c = {.kind = l->kind,
                             .path = w->path,
                             .dir_fd = l->up->upper,
                             .name = w->path + l->name_at,
                             .st = &l->st,
                             .opaque = l->opaque};
    r = w->f(w->arg, &c, w->e);
    w->path[l->path_n] = next;
    return r;
}

static int tell(struct walker *w, struct level *l, enum change_kind kind, const char *name,
                const struct stat *st)
{
    const struct change c = {kind, w->path, l->upper, name, st, false};
    int r = announce(w, l);

    return r < 0 ? r : w->f(w->arg, &c, w->e);
}

/* ---- the walk ---- */

static int walk(struct walker *w, struct level *l);

static int open_below(int dir, const char *name)
{
    return dir < 0 ? -1 : openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* below: what the image has there, NULL if nothing. */
static int walk_folder(struct walker *w, struct level *up, const char *name, size_t name_at,
                       const struct stat *st, const struct stat *below)
{
    bool merges = below && S_ISDIR(below->st_mode);
    struct level l = {.up = up, .st = *st, .name_at = name_at, .depth = up->depth + 1};

    if (l.depth > CHANGES_MAX_DEPTH)
        return err_set(w->e, SHALE_LIMIT, "/%.300s: more than %d levels of folders", w->path,
                       CHANGES_MAX_DEPTH);
    _cleanup_close_ int upper = open_below(up->upper, name);
    if (upper < 0)
        return errno == ENOENT ? 0 : err_sys(w->e, "/%.300s", w->path);
    l.opaque = merges && is_opaque(upper);
    l.upper = upper;
    _cleanup_(lower_close) struct lower lower = LOWER_NONE;
    if (merges && !(l.opaque && (w->flags & CHANGES_OF_LAYER))) {
        int r = lower_open(up->lower, name, &lower, w->e);
        if (r < 0)
            return r;
    }
    l.lower = &lower;
    l.path_n = strlen(w->path);
    l.kind = below ? CHANGE_CHANGED : CHANGE_ADDED;
    l.pending = true;
    bool quiet = below ? !differ(up, name, st, below) : is_initfile(w, up, name, st);
    bool must = l.opaque && (w->flags & CHANGES_OF_LAYER);
    int r = quiet && !must ? 0 : announce(w, &l);
    return r < 0 ? r : walk(w, &l);
}

static int walk_name(struct walker *w, struct level *l, const char *name, size_t name_at)
{
    struct stat st, was;

    if (fstatat(l->upper, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_sys(w->e, "/%.300s", w->path);
    int below = lower_find(l->lower, name, &was, w->e);
    if (below < 0)
        return below;
    if (is_whiteout(&st))
        return below ? tell(w, l, CHANGE_GONE, name, NULL) : 0;
    if (S_ISDIR(st.st_mode))
        return walk_folder(w, l, name, name_at, &st, below ? &was : NULL);
    if (!below)
        return is_initfile(w, l, name, &st) ? 0 : tell(w, l, CHANGE_ADDED, name, &st);
    if (!(w->flags & CHANGES_OF_LAYER) && !differ(l, name, &st, &was))
        return 0;
    return tell(w, l, CHANGE_CHANGED, name, &st);
}

/* 1: the i-th name stands behind the folder's path, which ends at `at`. 0: both sides have it, and
 * the one of the upper side, before it, stands for both. */
static int put_name(struct walker *w, const struct names *names, size_t i, size_t at)
{
    const struct name *x = &names->v[i];
    size_t n = strlen(x->s);

    if (i > 0 && x->lower && streq(x->s, names->v[i - 1].s))
        return 0;
    if (at + n + 2 > sizeof w->path)
        return err_set(w->e, SHALE_LIMIT, "a path is longer than %d bytes", PATH_MAX);
    memcpy(w->path + at, x->s, n + 1);
    return 1;
}

static int walk(struct walker *w, struct level *l)
{
    struct names names = {.a = ARENA_INIT(CHANGES_MAX_NAMES)};
    size_t at = l->path_n;
    int r = cancel_check(w->c, w->e);

    if (r >= 0)
        r = list(w, l, &names);
    if (r >= 0 && at > 0)
        w->path[at++] = '/';
    for (size_t i = 0; r >= 0 && i < names.n; i++) {
        const struct name *x = &names.v[i];
        r = put_name(w, &names, i, at);
        if (r > 0)
            r = x->lower ? tell(w, l, CHANGE_GONE, x->s, NULL) : walk_name(w, l, x->s, at);
    }
    w->path[l->path_n] = 0;
    arena_clear(&names.a);
    return r;
}

int changes_walk(int upper_fd, const struct lower *lower, unsigned flags, change_fn f, void *arg,
                 struct cancel *c, struct shale_err *e)
{
    struct walker w = {.flags = flags, .f = f, .arg = arg, .c = c, .e = e};
    struct level top = {.upper = upper_fd, .lower = lower};

    return walk(&w, &top);
}

/* ---- all that a container sees ---- */

static int walk_all(struct walker *w, int upper, int lower, size_t depth);

static int all_name(struct walker *w, int upper, int lower, bool from_lower, const char *name,
                    size_t depth)
{
    int dir = from_lower ? lower : upper;
    struct stat st, below;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_sys(w->e, "/%.300s", w->path);
    if (!from_lower && is_whiteout(&st))
        return 0;
    const struct change c = {CHANGE_ADDED, w->path, dir, name, &st, false};
    int r = w->f(w->arg, &c, w->e);
    if (r < 0 || !S_ISDIR(st.st_mode))
        return r;
    _cleanup_close_ int above = open_below(dir, name);
    if (above < 0)
        return errno == ENOENT ? 0 : err_sys(w->e, "/%.300s", w->path);
    if (from_lower)
        return walk_all(w, -1, above, depth + 1);
    bool merges = lower >= 0 && !is_opaque(above) &&
                  fstatat(lower, name, &below, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(below.st_mode);
    _cleanup_close_ int under = merges ? open_below(lower, name) : -1;
    if (merges && under < 0)
        return err_sys(w->e, "/%.300s", w->path);
    return walk_all(w, above, under, depth + 1);
}

static int walk_all(struct walker *w, int upper, int lower, size_t depth)
{
    struct names names = {.a = ARENA_INIT(CHANGES_MAX_NAMES)};
    size_t path_n = strlen(w->path), at = path_n;
    const struct lower below = {.fd = upper >= 0 ? lower : -1};
    struct level l = {
        .upper = upper >= 0 ? upper : lower, .lower = &below, .opaque = true /* both are listed */};
    int r = cancel_check(w->c, w->e);

    if (depth > CHANGES_MAX_DEPTH)
        return err_set(w->e, SHALE_LIMIT, "/%.300s: more than %d levels of folders", w->path,
                       CHANGES_MAX_DEPTH);
    if (r >= 0)
        r = list(w, &l, &names);
    if (r >= 0 && at > 0)
        w->path[at++] = '/';
    for (size_t i = 0; r >= 0 && i < names.n; i++) {
        const struct name *x = &names.v[i];
        r = put_name(w, &names, i, at);
        if (r > 0)
            r = all_name(w, upper, lower, x->lower || upper < 0, x->s, depth);
    }
    w->path[path_n] = 0;
    arena_clear(&names.a);
    return r;
}

int changes_walk_all(int upper_fd, int lower_fd, change_fn f, void *arg, struct cancel *c,
                     struct shale_err *e)
{
    struct walker w = {.f = f, .arg = arg, .c = c, .e = e};

    return walk_all(&w, upper_fd, lower_fd, 0);
}

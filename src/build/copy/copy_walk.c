/* SPDX-License-Identifier: Apache-2.0 */
/* A folder's files as entries, in the order of their names; what is left out, or is not what the
 * pattern means, does not come. */
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

struct walk {
    struct build_copy *c;
    struct copy_item *it;
    struct shale_err *e;
    char path[PATH_MAX];
    size_t n;      /* bytes of it */
    size_t rel_at; /* where the part below the item begins */
    unsigned depth;
    const struct copy_pattern *pattern; /* NULL: everything */
    bool inside;                        /* of something that it means */
    struct copy_matches *matches;       /* not NULL: only the names of what it means are wanted */
};

/* What a file is to the walk. */
enum part {
    PART_NONE,
    PART_ABOVE, /* comes, if it is a folder, and something below it does */
    PART_IN,
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

static int collect(struct names *l, const char *name)
{
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

static DIR *open_folder(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (!d && fd >= 0)
        close(fd);
    return d;
}

static int list(const struct walk *w, DIR *d, struct names *ret)
{
    const struct dirent *de;

    for (errno = 0; (de = readdir(d)); errno = 0)
        if (!streq(de->d_name, ".") && !streq(de->d_name, "..") && collect(ret, de->d_name) < 0)
            return err_set(w->e, SHALE_LIMIT, "too many names in /%.300s", w->path);
    if (errno)
        return err_sys(w->e, "read /%.300s", w->path);
    if (ret->n > 1)
        qsort(ret->v, ret->n, sizeof *ret->v, by_name);
    return 0;
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
    if (!x.path && c->a.failed != SHALE_LIMIT)
        return err_nomem(w->e);
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

/* ---- what comes ---- */

static const char *rel_of(const struct walk *w)
{
    return w->n > w->rel_at ? w->path + w->rel_at : "";
}

static enum part ask(const struct ignore *g, const char *path)
{
    if (!g || !*path || !ignore_excludes(g, path))
        return PART_IN;
    return ignore_skips_below(g, path) ? PART_NONE : PART_ABOVE;
}

static enum part ask_pattern(const struct walk *w)
{
    const struct copy_pattern *p = w->pattern;
    const char *rel = rel_of(w);

    if (!p || w->inside || !*rel)
        return PART_IN;
    if (ignore_match(p->all, rel))
        return PART_IN;
    if (w->depth > p->n_fixed)
        return p->n_fixed < p->n ? PART_ABOVE : PART_NONE;
    return w->depth < p->n && ignore_match(p->starts[w->depth - 1], rel) ? PART_ABOVE : PART_NONE;
}

static enum part part_of(const struct walk *w)
{
    const struct build_copy *c = w->c;
    const char *rel = rel_of(w);
    enum part p = ask_pattern(w), q;

    if (p > PART_NONE && !w->it->is_foreign) {
        q = ask(c->o->tree->ignore, w->n ? w->path : "");
        p = q < p ? q : p;
    }
    if (p > PART_NONE && c->excludes && !w->it->is_whole) {
        q = ask(c->excludes, *rel || w->it->is_dir ? rel : way_base(w->path));
        p = q < p ? q : p;
    }
    return p;
}

static int note_match(const struct walk *w)
{
    struct copy_matches *m = w->matches;
    const char **v = arena_grow(&w->c->a, m->v, m->n, &m->cap, sizeof *v);
    const char *s = v ? arena_strdup(&w->c->a, rel_of(w)) : NULL;

    if (!s)
        return err_set(w->e, SHALE_LIMIT, "too many files match");
    m->v = v;
    v[m->n++] = s;
    return 0;
}

/* ---- the walk ---- */

static int walk_entry(struct walk *w, int dir, const char *name);

static int walk_below(struct walk *w, int dir, const char *name)
{
    _cleanup_(names_clear) struct names l = {.a = ARENA_INIT(COPY_MAX_BYTES)};
    _cleanup_closedir_ DIR *d = open_folder(dir, name);
    size_t n = w->n;
    int r = d ? list(w, d, &l) : fail(w, "open");

    if (r >= 0 && ++w->depth > COPY_MAX_DEPTH)
        return err_set(w->e, SHALE_LIMIT, "/%.300s: more than %d levels of folders", w->path,
                       COPY_MAX_DEPTH);
    for (size_t i = 0; r >= 0 && i < l.n; i++) {
        int k = snprintf(w->path + n, sizeof w->path - n, "%s%s", n ? "/" : "", l.v[i]);
        if (k < 0 || n + (size_t)k > TAR_MAX_PATH_BYTES)
            return err_set(w->e, SHALE_LIMIT, "a path is longer than %d bytes", TAR_MAX_PATH_BYTES);
        w->n = n + (size_t)k;
        r = walk_entry(w, dirfd(d), l.v[i]);
    }
    w->depth--;
    w->n = n;
    w->path[n] = 0;
    return r;
}

/* The entry, and those below it. */
static int take(struct walk *w, int dir, const char *name, const struct stat *st, enum part p)
{
    struct copy_item *it = w->it;
    bool was_inside = w->inside;
    int r = w->matches ? 0 : add_entry(w, dir, name, st);
    size_t n = it->n;

    if (r < 0 || !S_ISDIR(st->st_mode))
        return r;
    w->inside = was_inside || (w->pattern && p == PART_IN && *rel_of(w));
    r = walk_below(w, dir, name);
    w->inside = was_inside;
    if (r >= 0 && p == PART_ABOVE && !w->matches && it->n == n) { /* nothing came back */
        it->n--;
        w->c->n_entries--;
    }
    return r;
}

static int walk_entry(struct walk *w, int dir, const char *name)
{
    enum part p = part_of(w);
    struct stat st;
    int r = cancel_check(w->c->o->cancel, w->e);

    if (r < 0 || p == PART_NONE)
        return r;
    if (w->matches && *rel_of(w) && ignore_match(w->pattern->all, rel_of(w)))
        return note_match(w);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : fail(w, "stat");
    if (S_ISSOCK(st.st_mode) || (p == PART_ABOVE && !S_ISDIR(st.st_mode)))
        return 0;
    return take(w, dir, name, &st, p);
}

static int start(struct walk *w, const char *path)
{
    const char *base = way_base(path);
    size_t n = strlen(path);

    if (n > TAR_MAX_PATH_BYTES)
        return err_set(w->e, SHALE_LIMIT, "a path is longer than %d bytes", TAR_MAX_PATH_BYTES);
    memcpy(w->path, path, n + 1);
    w->n = n;
    w->rel_at = n ? n + 1 : 0;
    if (!n)
        return walk_entry(w, w->it->root_fd, ".");
    w->path[n - strlen(base) - (base > path)] = 0;
    _cleanup_close_ int dir =
        inroot_open(w->it->root_fd, *w->path ? w->path : ".", O_PATH | O_DIRECTORY, w->e);
    memcpy(w->path, path, n + 1);
    return dir < 0 ? dir : walk_entry(w, dir, base);
}

int copy_walk(struct build_copy *c, struct copy_item *it, const char *path,
              const struct copy_pattern *pattern, struct shale_err *e)
{
    struct walk w = {.c = c, .it = it, .e = e, .pattern = pattern};

    return start(&w, path);
}

int copy_match(struct build_copy *c, const char *path, const struct copy_pattern *pattern,
               struct copy_matches *ret, struct shale_err *e)
{
    struct copy_item it = {.root_fd = c->o->tree->root_fd, .is_dir = true, .is_whole = true};
    struct walk w = {.c = c, .it = &it, .e = e, .pattern = pattern, .matches = ret};

    return start(&w, path);
}

/* ---- patterns ---- */

bool copy_is_pattern(const char *s)
{
    for (; *s; s++) {
        if (*s == '\\' && s[1])
            s++;
        else if (strchr("*?[", *s))
            return true;
    }
    return false;
}

int copy_pattern_of(const char *s, struct arena *a, struct copy_pattern *ret, struct shale_err *e)
{
    size_t n = 1, k = 0;
    bool fixed = true;
    int r = ignore_check_pattern(s, e);

    if (r < 0)
        return r;
    for (const char *p = s; *p; p++)
        n += *p == '/';
    *ret = (struct copy_pattern){.all = s, .n = n, .starts = arena_array(a, n, sizeof(char *))};
    for (size_t i = 0; ret->starts && s[i]; i++) {
        if (s[i] == '/')
            ret->starts[k++] = arena_strndup(a, s, i);
        if (fixed && s[i] == '*' && s[i + 1] == '*') {
            fixed = false;
            ret->n_fixed = k;
        }
    }
    if (fixed)
        ret->n_fixed = n;
    return a->failed ? err_nomem(e) : 0;
}

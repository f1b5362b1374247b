/* SPDX-License-Identifier: Apache-2.0 */
#include "build/context/copy_way.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/str.h"

struct walk {
    int root_fd; /* -1: nothing is there */
    struct arena *a;
    const char *shown;
    char path[PATH_MAX]; /* so far */
    size_t n;
    struct str rest;
    int n_links;
    bool missing; /* what comes is not there */
    struct stat st;
};

static void go_up(struct walk *w)
{
    while (w->n > 0 && w->path[w->n - 1] != '/')
        w->n--;
    if (w->n > 0)
        w->n--;
    w->path[w->n] = 0;
}

/* *ret_slash: where the part begins, with its slash. */
static int append(struct walk *w, struct str part, size_t *ret_before, struct shale_err *e)
{
    *ret_before = w->n;
    if (w->n + part.n + 2 > sizeof w->path || part.n > NAME_MAX)
        return err_set(e, SHALE_LIMIT, "the path \"%.200s\" is too long", w->shown);
    if (w->n > 0)
        w->path[w->n++] = '/';
    memcpy(w->path + w->n, part.p, part.n);
    w->n += part.n;
    w->path[w->n] = 0;
    return 0;
}

static int follow(struct walk *w, size_t before, struct shale_err *e)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(w->root_fd, w->path, target, sizeof target - 1);

    if (n < 0)
        return err_sys(e, "read link /%.200s", w->path);
    if (++w->n_links > WAY_MAX_LINKS)
        return err_set(e, SHALE_INVALID, "\"%.200s\": too many levels of symbolic links", w->shown);
    target[n] = 0;
    const char *rest =
        arena_printf(w->a, "%s/%.*s", target, (int)w->rest.n, w->rest.p ? w->rest.p : "");
    if (!rest)
        return err_nomem(e);
    w->rest = str_of(rest);
    w->n = target[0] == '/' ? 0 : before;
    w->path[w->n] = 0;
    return 0;
}

static bool is_more(struct str rest)
{
    struct str part;

    while (rest.n > 0 && str_split(&rest, '/', &part))
        if (part.n > 0 && !str_eq(part, STR(".")))
            return true;
    return false;
}

static int step(struct walk *w, struct str part, struct shale_err *e)
{
    size_t before;
    int r = append(w, part, &before, e);

    if (r < 0 || w->missing)
        return r;
    if (fstatat(w->root_fd, w->path, &w->st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return err_sys(e, "stat /%.200s", w->path);
        w->missing = true;
        return 0;
    }
    if (S_ISLNK(w->st.st_mode))
        return follow(w, before, e);
    if (!S_ISDIR(w->st.st_mode) && is_more(w->rest))
        return err_set(e, SHALE_INVALID, "\"%.200s\": /%.200s is not a folder", w->shown, w->path);
    return 0;
}

int way_find(int root_fd, const char *path, struct arena *a, struct way *ret, struct shale_err *e)
{
    struct walk w = {.root_fd = root_fd, .a = a, .shown = path, .missing = root_fd < 0};
    const char *clean = way_clean(a, path);
    struct str part;
    int r = clean ? 0 : err_nomem(e);

    w.rest = str_of(clean);
    while (r >= 0 && w.rest.n > 0 && str_split(&w.rest, '/', &part)) {
        if (part.n == 0 || str_eq(part, STR(".")))
            continue;
        if (str_eq(part, STR("..")))
            go_up(&w);
        else
            r = step(&w, part, e);
    }
    if (r < 0)
        return r;
    ret->path = arena_strdup(a, w.path);
    ret->exists = root_fd >= 0 && (!w.missing || w.n == 0);
    if (!ret->path)
        return err_nomem(e);
    if (ret->exists && fstatat(root_fd, w.n ? w.path : ".", &ret->st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "stat /%.200s", w.path);
    return 0;
}

const char *way_clean(struct arena *a, const char *path)
{
    struct str rest = str_of(path), part;
    char *s = arena_alloc(a, rest.n + 2);
    size_t n = 0;

    while (s && rest.n > 0 && str_split(&rest, '/', &part)) {
        if (part.n == 0 || str_eq(part, STR(".")))
            continue;
        if (str_eq(part, STR(".."))) {
            while (n > 0 && s[--n] != '/')
                ;
            continue;
        }
        if (n > 0)
            s[n++] = '/';
        memcpy(s + n, part.p, part.n);
        n += part.n;
    }
    if (s)
        s[n] = 0;
    return s;
}

const char *way_base(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/tar_place.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

#define MAX_LINKS 10 /* at the end of a destination */

/* ---- names ---- */

bool place_says_folder(const char *path)
{
    return str_has_suffix(path, "/") || str_has_suffix(path, "/.") || streq(path, ".");
}

const char *place_clean(struct arena *a, const char *path)
{
    char *out = arena_alloc(a, strlen(path) + 4);
    struct str rest = str_of(path), part;
    size_t n = 0;

    if (!out)
        return NULL;
    while (rest.n > 0 && str_split(&rest, '/', &part)) {
        if (part.n == 0 || str_eq(part, STR(".")))
            continue;
        if (str_eq(part, STR(".."))) {
            while (n > 0 && out[--n] != '/')
                ;
            continue;
        }
        out[n++] = '/';
        memcpy(out + n, part.p, part.n);
        n += part.n;
    }
    if (n == 0 || str_has_suffix(path, "/"))
        out[n++] = '/';
    else if (str_has_suffix(path, "/.") || streq(path, ".")) {
        out[n++] = '/';
        out[n++] = '.';
    }
    out[n] = 0;
    return out;
}

static size_t without_slash(const char *path)
{
    size_t n = strlen(path);

    return n > 1 && path[n - 1] == '/' ? n - 1 : n;
}

const char *place_parent(struct arena *a, const char *path)
{
    size_t n = without_slash(path);

    while (n > 1 && path[n - 1] != '/')
        n--;
    return arena_strndup(a, path, n > 1 ? n - 1 : 1);
}

const char *place_base(struct arena *a, const char *path)
{
    size_t end = strlen(path), at;

    if (str_has_suffix(path, "/."))
        return "";
    if (end > 0 && path[end - 1] == '/')
        end--;
    for (at = end; at > 0 && path[at - 1] != '/';)
        at--;
    return arena_strndup(a, path + at, end - at);
}

/* ---- rules ---- */

static int into(struct place_plan *ret, const char *dir, const char *top, struct shale_err *e)
{
    *ret = (struct place_plan){dir, top};
    return dir && top ? 0 : err_nomem(e);
}

int place_plan(const struct place *src, const struct place *dst, struct arena *a,
               struct place_plan *ret, struct shale_err *e)
{
    if (dst->exists && dst->is_dir)
        return into(ret, dst->path, src->name, e);
    if (dst->exists && src->is_dir)
        return err_set(e, SHALE_INVALID, "cannot copy directory");
    if (!src->is_dir && place_says_folder(dst->path))
        return err_set(e, SHALE_INVALID, "no such directory");
    return into(ret, place_parent(a, dst->path), place_base(a, dst->path), e);
}

/* ---- this host ---- */

static const char *absolute(struct arena *a, const char *path, struct shale_err *e)
{
    char cwd[PATH_MAX];

    if (*path == '/')
        return place_clean(a, path);
    if (!getcwd(cwd, sizeof cwd)) {
        err_sys(e, "working directory");
        return NULL;
    }
    const char *full = arena_printf(a, "%s/%s", cwd, path);
    return full ? place_clean(a, full) : NULL;
}

static int cannot_look(const char *path, struct shale_err *e)
{
    if (errno == ENOENT)
        return err_set(e, SHALE_NOT_FOUND, "lstat %.400s: no such file or directory", path);
    return errno == ENOTDIR ? err_set(e, SHALE_INVALID, "not a directory")
                            : err_sys(e, "lstat %.400s", path);
}

/* What the kernel finds there, as a path without links. */
static int real_path(const char *path, struct arena *a, const char **ret, struct stat *st,
                     struct shale_err *e)
{
    char real[PATH_MAX];

    if (!realpath(path, real) || lstat(real, st) < 0)
        return cannot_look(path, e);
    *ret = arena_strdup(a, real);
    return *ret ? 0 : err_nomem(e);
}

int place_local_source(const char *path, bool follow, struct arena *a, struct place *ret,
                       struct shale_err *e)
{
    const char *full = absolute(a, path, e), *real = NULL,
               *name = full ? place_base(a, full) : NULL;
    struct stat st = {0};
    int r;

    if (!full || !name)
        return e && e->code ? -e->code : err_nomem(e);
    if (follow || place_says_folder(full)) {
        r = real_path(full, a, &real, &st, e);
    } else {
        const char *parent = place_parent(a, full), *folder = NULL;
        if (!parent)
            return err_nomem(e);
        if (lstat(full, &st) < 0)
            return cannot_look(full, e);
        struct stat dir;
        r = real_path(parent, a, &folder, &dir, e);
        if (r >= 0)
            real = arena_printf(a, "%s/%s", streq(folder, "/") ? "" : folder, name);
    }
    if (r < 0)
        return r;
    *ret = (struct place){real, name, true, S_ISDIR(st.st_mode)};
    return real ? 0 : err_nomem(e);
}

/* Where a link at the end of *path leads, several times, whether anything is there or not. */
static int follow_links(const char **path, struct arena *a, struct shale_err *e)
{
    char target[PATH_MAX];
    struct stat st;

    for (int i = 0; lstat(*path, &st) == 0 && S_ISLNK(st.st_mode); i++) {
        ssize_t n = readlink(*path, target, sizeof target - 1);
        if (n < 0)
            return err_sys(e, "read link %.300s", *path);
        if (i == MAX_LINKS)
            return err_set(e, SHALE_INVALID, "%.300s: too many levels of symbolic links", *path);
        target[n] = 0;
        const char *parent = place_parent(a, *path);
        *path = !parent            ? NULL
                : target[0] == '/' ? arena_strdup(a, target)
                                   : arena_printf(a, "%s/%s", parent, target);
        if (!*path)
            return err_nomem(e);
    }
    return 0;
}

int place_local_dest(const char *path, struct arena *a, struct place *ret, struct shale_err *e)
{
    const char *full = absolute(a, path, e);
    const char *parent = full ? place_parent(a, full) : NULL;
    struct stat st = {0}, dir;

    if (!parent)
        return e && e->code ? -e->code : err_nomem(e);
    if (str_has_suffix(full, "/.")) /* the folder itself is what must be there */
        parent = arena_strndup(a, full, strlen(full) - 2);
    if (!parent)
        return err_nomem(e);
    if (*parent && stat(parent, &dir) < 0 && errno == ENOENT)
        return err_set(e, SHALE_NOT_FOUND,
                       "invalid output path: directory \"%.300s\" does not exist", parent);
    if (stat(full, &st) == 0 && !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return err_set(e, SHALE_INVALID,
                       "invalid output path: \"%.300s\" must be a directory or a regular file%s",
                       full, S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) ? ": got a device" : "");
    int r = follow_links(&full, a, e);
    if (r < 0)
        return r;
    *ret = (struct place){.path = full, .exists = stat(full, &st) == 0};
    ret->is_dir = ret->exists && S_ISDIR(st.st_mode);
    parent = place_parent(a, full);
    if (!parent)
        return err_nomem(e);
    if (stat(parent, &dir) < 0 && errno != ENOENT)
        return err_set(e, SHALE_INVALID, "%.300s: %s", parent, strerror(errno));
    if (!ret->exists && !S_ISDIR(dir.st_mode))
        return err_set(e, SHALE_INVALID, "not a directory");
    return 0;
}

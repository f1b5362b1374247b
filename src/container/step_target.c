/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the mounts of a step go. Links of its root are followed here, one by one and never out of
 * it, so that the runtime gets a path without any; what is missing is made, and taken away again
 * when the step has run, as far as it is still empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/create_priv.h"
#include "container/step_priv.h"

#define LINKS_MAX 40 /* as the kernel's */

struct walk {
    struct step *t;
    char done[PATH_MAX]; /* looked at: folders, no links; "" is the root */
    char rest[2 * PATH_MAX];
    int links;
};

static int add_stub(struct step *t, int parent, const char *name, bool is_folder,
                    const struct stat *was, struct shale_err *e)
{
    struct step_stub *v = arena_grow(t->a, t->stubs, t->n_stubs, &t->cap_stubs, sizeof *v);
    char *copy = arena_strdup(t->a, name);

    if (!v || !copy)
        return err_nomem(e);
    t->stubs = v;
    int fd = fcntl(parent, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, "duplicate a descriptor");
    v[t->n_stubs++] =
        (struct step_stub){fd, copy, is_folder, {{.tv_nsec = UTIME_OMIT}, was->st_mtim}};
    return 0;
}

static int make_stub(struct walk *w, int parent, const char *name, bool is_folder,
                     struct shale_err *e)
{
    struct stat was;

    if (fstat(parent, &was) < 0)
        return err_sys(e, "%.300s", w->done);
    if (is_folder && sys_mkdirat(parent, name, 0755) < 0)
        return err_sys(e, "create %.300s/%.200s for a mount", w->done, name);
    if (!is_folder) {
        _cleanup_close_ int fd =
            sys_openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644);
        if (fd < 0)
            return err_sys(e, "create %.300s/%.200s for a mount", w->done, name);
    }
    return add_stub(w->t, parent, name, is_folder, &was, e);
}

static int too_long(struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "the target of a mount is longer than %d bytes", PATH_MAX);
}

/* The link's text comes before what is left. */
static int follow(struct walk *w, int parent, const char *name, struct shale_err *e)
{
    char link[PATH_MAX], rest[2 * PATH_MAX];
    ssize_t n = readlinkat(parent, name, link, sizeof link - 1);

    if (n < 0)
        return err_sys(e, "read link %.300s/%.200s", w->done, name);
    if (++w->links > LINKS_MAX)
        return err_set(e, SHALE_INVALID, "too many links on the way to the target of a mount");
    link[n] = 0;
    int k = snprintf(rest, sizeof rest, "%s/%s", link, w->rest);
    if (k < 0 || (size_t)k >= sizeof rest)
        return too_long(e);
    memcpy(w->rest, rest, (size_t)k + 1);
    if (link[0] == '/')
        w->done[0] = 0;
    return 0;
}

static void go_up(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash)
        *slash = 0;
}

static int go_down(char path[PATH_MAX], const char *name, struct shale_err *e)
{
    size_t n = strlen(path), m = strlen(name);

    if (n + m + 2 > PATH_MAX)
        return too_long(e);
    path[n] = '/';
    memcpy(path + n + 1, name, m + 1);
    return 0;
}

/* The first name of what is left; false: nothing is left. */
static bool next_name(struct walk *w, char name[NAME_MAX + 1])
{
    char *p = w->rest + strspn(w->rest, "/");
    size_t n = strcspn(p, "/");

    if (n == 0)
        return false;
    size_t m = n <= NAME_MAX ? n : NAME_MAX;
    memcpy(name, p, m);
    name[m] = 0;
    memmove(w->rest, p + n, strlen(p + n) + 1);
    return true;
}

static bool is_last(const struct walk *w)
{
    return w->rest[strspn(w->rest, "/")] == 0;
}

/* What is mounted there covers the root's own files: the rest of the way is the runtime's. */
static bool is_covered(const struct walk *w)
{
    static const char *const fixed[] = {"/proc", "/sys", "/dev"};
    const struct conf *k = &w->t->folder.c.conf;

    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        if (streq(w->done, fixed[i]))
            return true;
    for (size_t i = 0; i < k->n_mounts; i++)
        if (streq(w->done, k->mounts[i].target))
            return true;
    return false;
}

static int step_into(struct walk *w, const char *name, bool is_folder, struct shale_err *e)
{
    bool last = is_last(w);
    struct stat st;
    int r;

    if (streq(name, "."))
        return 0;
    if (streq(name, "..")) {
        go_up(w->done);
        return 0;
    }
    _cleanup_close_ int parent =
        inroot_open(w->t->root_fd, w->done[0] ? w->done : "/", O_RDONLY | O_DIRECTORY, e);
    if (parent < 0)
        return parent;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno != ENOENT)
            return err_sys(e, "%.300s/%.200s", w->done, name);
        r = make_stub(w, parent, name, !last || is_folder, e);
        return r < 0 ? r : go_down(w->done, name, e);
    }
    if (S_ISLNK(st.st_mode))
        return follow(w, parent, name, e);
    r = go_down(w->done, name, e);
    if (r >= 0 && S_ISDIR(st.st_mode) != (!last || is_folder))
        r = err_set(e, SHALE_INVALID, "cannot mount at %.300s: it is %s", w->done,
                    S_ISDIR(st.st_mode) ? "a directory" : "not a directory");
    return r;
}

int step_target(struct step *t, const char *target, bool is_folder, const char **ret,
                struct shale_err *e)
{
    struct walk w = {.t = t};
    char name[NAME_MAX + 1];
    int r = 0, n;

    n = snprintf(w.rest, sizeof w.rest, "/%s/%s", target[0] == '/' ? "" : t->folder.c.conf.workdir,
                 target);
    if (n < 0 || n >= PATH_MAX)
        return too_long(e);
    const char *clean = create_clean_path(t->a, w.rest);
    if (!clean)
        return err_nomem(e);
    (void)snprintf(w.rest, sizeof w.rest, "%s", clean);
    while (r >= 0 && !is_covered(&w) && next_name(&w, name))
        r = step_into(&w, name, is_folder, e);
    if (r < 0)
        return r;
    if (!w.done[0])
        return err_set(e, SHALE_INVALID, "invalid mount target \"%.200s\": it is the root", target);
    *ret = arena_printf(t->a, "%s%s", w.done, w.rest);
    return *ret ? 0 : err_nomem(e);
}

static bool is_untouched(const struct step_stub *s)
{
    struct stat st;

    return fstatat(s->parent, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (s->is_folder ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode) && st.st_size == 0);
}

/* The last one first: folders then are empty when those in them have gone. */
void step_stubs_remove(struct step *t)
{
    while (t->n_stubs > 0) {
        struct step_stub *s = &t->stubs[--t->n_stubs];
        if (is_untouched(s) &&
            sys_unlinkat(s->parent, s->name, s->is_folder ? AT_REMOVEDIR : 0) == 0)
            (void)futimens(s->parent, s->times);
        close(s->parent);
    }
}

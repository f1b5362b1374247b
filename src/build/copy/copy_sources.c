/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources of a COPY stand for. */
#include <fcntl.h>

#include "base/mem.h"
#include "base/str.h"
#include "build/context/copy_way.h"
#include "build/copy/copy_priv.h"

struct copy_item *copy_item_new(struct build_copy *c, struct shale_err *e)
{
    struct copy_item *v = arena_grow(&c->a, c->items, c->n_items, &c->cap_items, sizeof *v);

    if (!v) {
        (void)err_nomem(e);
        return NULL;
    }
    c->items = v;
    v[c->n_items] =
        (struct copy_item){.root_fd = c->o->tree->root_fd, .keeps_owner = !c->o->tree->is_context};
    return &v[c->n_items++];
}

/* Links on the way count: where they lead is said, too. */
static int nothing_there(const struct build_copy *c, const char *path, const char *leads_to,
                         struct shale_err *e)
{
    char shown[300], where[300];

    return err_set(e, SHALE_NOT_FOUND, "\"/%s\" is a link to \"/%s\": not found in %s",
                   str_printable(shown, sizeof shown, path),
                   str_printable(where, sizeof where, leads_to), c->o->tree->what);
}

static int not_found(const struct build_copy *c, const char *path, bool left_out,
                     struct shale_err *e)
{
    char shown[300];

    str_printable(shown, sizeof shown, path);
    return err_set(e, SHALE_NOT_FOUND, "\"/%s\": not found in %s%s", shown, c->o->tree->what,
                   left_out ? " (excluded by .dockerignore)" : "");
}

/* A clean path. 1: it is there and gave an item; 0: it is not, *ret_left_out: because it is left
 * out. */
static int add_path(struct build_copy *c, const char *path, bool *ret_left_out, struct shale_err *e)
{
    struct way w;
    int r = way_find(c->o->tree->root_fd, path, &c->a, &w, e);

    *ret_left_out = false;
    if (r >= 0 && !w.exists && !streq(w.path, path))
        return nothing_there(c, path, w.path, e);
    if (r < 0 || !w.exists)
        return r;
    if (S_ISSOCK(w.st.st_mode))
        return err_set(e, SHALE_UNSUPPORTED, "\"/%.300s\" is a socket: it cannot be copied", path);
    struct copy_item *it = copy_item_new(c, e);
    if (!it)
        return -SHALE_NO_MEMORY;
    it->is_dir = S_ISDIR(w.st.st_mode);
    it->name = way_base(path);
    r = copy_walk(c, it, w.path, NULL, e);
    if (r < 0)
        return r;
    if (it->n > 0)
        return (r = copy_mark_archive(c, it, e)) < 0 ? r : 1;
    *ret_left_out = true;
    c->n_items--;
    return 0;
}

/* The folder before the first part with a wildcard, and the rest. */
static int split_pattern(struct build_copy *c, const char *path, const char **ret_dir,
                         struct copy_pattern *ret, struct shale_err *e)
{
    const char *rest = path;

    for (const char *p = path; *p; p++) {
        if (*p != '/')
            continue;
        const char *dir = arena_strndup(&c->a, path, (size_t)(p - path));
        if (!dir)
            return err_nomem(e);
        if (copy_is_pattern(dir))
            break;
        rest = p + 1;
    }
    *ret_dir = arena_strndup(&c->a, path, rest > path ? (size_t)(rest - path) - 1 : 0);
    return *ret_dir ? copy_pattern_of(rest, &c->a, ret, e) : err_nomem(e);
}

/* Each match is a source by itself. That there is none is no error, as with BuildKit. */
static int add_glob(struct build_copy *c, const char *path, struct shale_err *e)
{
    struct copy_pattern p;
    struct copy_matches m = {0};
    const char *dir;
    bool left_out;
    struct way w;
    int r = split_pattern(c, path, &dir, &p, e);

    if (r >= 0)
        r = way_find(c->o->tree->root_fd, dir, &c->a, &w, e);
    if (r < 0 || !w.exists || !S_ISDIR(w.st.st_mode))
        return r;
    r = copy_match(c, w.path, &p, &m, e);
    for (size_t i = 0; r >= 0 && i < m.n; i++) {
        const char *one = *dir ? arena_printf(&c->a, "%s/%s", dir, m.v[i]) : m.v[i];
        r = one ? add_path(c, one, &left_out, e) : err_nomem(e);
        if (r == 0 && !left_out)
            r = not_found(c, one, false, e); /* a link that leads nowhere */
    }
    return r;
}

/* --parents: what the source means, with the folders above it, up to "/./" where it has that. */
static int add_with_parents(struct build_copy *c, const char *source, struct shale_err *e)
{
    const char *pivot = strstr(source, "/./");
    const char *dir = arena_strndup(&c->a, source, pivot ? (size_t)(pivot - source) : 0);
    const char *path = way_clean(&c->a, pivot ? pivot + 3 : source);
    struct copy_pattern p;
    struct way w;

    dir = dir ? way_clean(&c->a, dir) : NULL;
    if (!dir || !path)
        return err_nomem(e);
    int r = way_find(c->o->tree->root_fd, dir, &c->a, &w, e);
    if (r < 0)
        return r;
    if (!w.exists || !S_ISDIR(w.st.st_mode))
        return not_found(c, dir, false, e);
    struct copy_item *it = copy_item_new(c, e);
    if (!it)
        return -SHALE_NO_MEMORY;
    it->is_dir = true;
    it->name = "";
    r = *path ? copy_pattern_of(path, &c->a, &p, e) : 0;
    if (r >= 0)
        r = copy_walk(c, it, w.path, *path ? &p : NULL, e);
    if (r >= 0 && it->n <= 1 && *path && !copy_is_pattern(path))
        return not_found(c, path, false, e);
    return r;
}

static int add_heredoc(struct build_copy *c, const struct build_copy_source *s, struct shale_err *e)
{
    struct copy_item *it = copy_item_new(c, e);

    if (!it)
        return -SHALE_NO_MEMORY;
    it->name = s->path;
    it->text = s->text;
    return 0;
}

static int add_source(struct build_copy *c, const struct build_copy_source *s, struct shale_err *e)
{
    bool left_out;

    if (s->text)
        return add_heredoc(c, s, e);
    int r = copy_add_remote(c, s->path, e);
    if (r != 0)
        return r;
    if (c->o->parents)
        return add_with_parents(c, s->path, e);
    const char *path = way_clean(&c->a, s->path);
    if (!path)
        return err_nomem(e);
    if (copy_is_pattern(path))
        return add_glob(c, path, e);
    r = add_path(c, path, &left_out, e);
    return r == 0 ? not_found(c, path, left_out, e) : r;
}

int copy_find_sources(struct build_copy *c, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < c->o->n_sources; i++)
        r = add_source(c, &c->o->sources[i], e);
    return r < 0 ? r : 0;
}

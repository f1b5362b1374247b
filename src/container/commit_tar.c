/* SPDX-License-Identifier: Apache-2.0 */
#include "container/commit_tar.h"

#include <limits.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "container/pack.h"

struct writer {
    struct pack *pack;
    struct commit_tar_stats stats;
    struct cancel *c;
    bool flat;          /* no layer: a name that begins with .wh. is one as others */
    const char *folder; /* that members are put into; NULL: none */
};

/* A member with this name, beside (or in) what c names, that removes something of lower layers. */
static int write_mark(struct writer *w, const char *folder, size_t folder_n, const char *name,
                      struct shale_err *e)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%.*s.wh.%s", (int)folder_n, folder, name);

    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, SHALE_LIMIT, "a path is longer than %d bytes", PATH_MAX);
    w->stats.n_members++;
    return tar_write_file(pack_tar(w->pack), path, NULL, 0, 0, e);
}

static bool is_reserved(const char *path)
{
    return str_has_prefix(path, ".wh.") || strstr(path, "/.wh.");
}

static int pack_below(struct writer *w, const struct change *c, struct shale_err *e)
{
    struct change moved = *c;
    char path[PATH_MAX + 1];
    int n = snprintf(path, sizeof path, "%s/%s", w->folder, c->path);

    if (n < 0 || (size_t)n >= sizeof path)
        return err_set(e, SHALE_LIMIT, "a path is longer than %d bytes", PATH_MAX);
    moved.path = path;
    return pack_member(w->pack, &moved, e);
}

static int write_change(void *arg, const struct change *c, struct shale_err *e)
{
    struct writer *w = arg;
    char path[PATH_MAX + 1];
    int r = cancel_check(w->c, e);

    if (r < 0)
        return r;
    if (!w->flat && is_reserved(c->path)) {
        w->stats.n_left_out++;
        return 0;
    }
    if (c->kind == CHANGE_GONE)
        return write_mark(w, c->path, strlen(c->path) - strlen(c->name), c->name, e);
    r = w->folder ? pack_below(w, c, e) : pack_member(w->pack, c, e);
    if (r <= 0)
        return r;
    w->stats.n_members++;
    if (!c->opaque)
        return 0;
    int n = snprintf(path, sizeof path, "%s/", c->path);
    return write_mark(w, path, (size_t)n, ".wh..opq", e);
}

static void writer_clear(struct writer *w)
{
    pack_free(w->pack);
}

static int write_tar(int upper_fd, int lower_fd, bool flat, const int64_t *no_later_s,
                     tar_out_fn out, void *arg, struct cancel *c, struct commit_tar_stats *ret,
                     struct shale_err *e)
{
    _cleanup_(writer_clear) struct writer w = {.c = c, .flat = flat};
    int r = pack_new(out, arg, c, &w.pack, e);

    if (r >= 0 && no_later_s)
        pack_clamp(w.pack, *no_later_s);
    if (r >= 0 && flat)
        r = changes_walk_all(upper_fd, lower_fd, write_change, &w, c, e);
    else if (r >= 0)
        r = changes_walk(upper_fd, lower_fd, CHANGES_OF_LAYER, write_change, &w, c, e);
    if (r >= 0)
        r = tar_writer_end(pack_tar(w.pack), e);
    if (r >= 0)
        *ret = w.stats;
    return r;
}

int commit_tar(int upper_fd, int lower_fd, const int64_t *no_later_s, tar_out_fn out, void *arg,
               struct cancel *c, struct commit_tar_stats *ret, struct shale_err *e)
{
    return write_tar(upper_fd, lower_fd, false, no_later_s, out, arg, c, ret, e);
}

int export_tar(int upper_fd, int lower_fd, tar_out_fn out, void *arg, struct cancel *c,
               struct shale_err *e)
{
    struct commit_tar_stats stats;

    return write_tar(upper_fd, lower_fd, true, NULL, out, arg, c, &stats, e);
}

static int write_folder(struct writer *w, const char *folder, struct shale_err *e)
{
    const struct tar_entry t = {.type = TAR_DIR, .mode = 0755, .path = str_of(folder)};

    w->folder = folder;
    return tar_write_entry(pack_tar(w->pack), &t, e);
}

int export_parts(const struct export_part *v, size_t n, tar_out_fn out, void *arg, struct cancel *c,
                 struct shale_err *e)
{
    _cleanup_(writer_clear) struct writer w = {.c = c, .flat = true};
    int r = pack_new(out, arg, c, &w.pack, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        if (v[i].folder && *v[i].folder)
            r = write_folder(&w, v[i].folder, e);
        if (r >= 0)
            r = changes_walk_all(-1, v[i].root_fd, write_change, &w, c, e);
    }
    return r < 0 ? r : tar_writer_end(pack_tar(w.pack), e);
}

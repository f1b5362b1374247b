/* SPDX-License-Identifier: Apache-2.0 */
#include "container/commit_tar.h"

#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "container/initfiles.h"
#include "container/pack.h"

struct writer {
    struct pack *pack;
    struct commit_tar_stats stats;
    struct cancel *c;
    bool flat;          /* no layer: a name that begins with .wh. is one as others */
    const char *folder; /* that members are put into; NULL: none */
    uint32_t seen;      /* of a flat one: bits of the files that containers have anyway */
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

/* Below what is no folder there can be nothing. */
static void note_seen(struct writer *w, const struct change *c)
{
    const struct initfile *f;
    size_t n = strlen(c->path);

    for (size_t i = 0; (f = initfile_at(i)) != NULL; i++)
        if (strncmp(f->path, c->path, n) == 0 &&
            (!f->path[n] || (f->path[n] == '/' && !S_ISDIR(c->st->st_mode))))
            w->seen |= 1u << i;
}

/* What it has whatever its image, and does not show: it never ran, or runs no more. */
static int write_unseen(struct writer *w, int64_t mtime_s, struct shale_err *e)
{
    const struct initfile *f;
    int r = 0;

    for (size_t i = 0; r >= 0 && (f = initfile_at(i)) != NULL; i++) {
        const struct tar_entry t = {.type = f->type,
                                    .path = str_of(f->path),
                                    .link = str_of(f->link ? f->link : ""),
                                    .mode = f->type == TAR_SYMLINK ? 0777 : 0755,
                                    .mtime_s = mtime_s};
        if (!(w->seen & 1u << i))
            r = tar_write_entry(pack_tar(w->pack), &t, e);
    }
    return r;
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
    if (w->flat)
        note_seen(w, c);
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

int commit_tar(int upper_fd, const struct lower *lower, unsigned flags, const int64_t *no_later_s,
               tar_out_fn out, void *arg, struct cancel *c, struct commit_tar_stats *ret,
               struct shale_err *e)
{
    _cleanup_(writer_clear) struct writer w = {.c = c};
    int r = pack_new(out, arg, c, &w.pack, e);

    if (r >= 0 && no_later_s)
        pack_clamp(w.pack, *no_later_s);
    if (r >= 0)
        r = changes_walk(upper_fd, lower, CHANGES_OF_LAYER | flags, write_change, &w, c, e);
    if (r >= 0)
        r = tar_writer_end(pack_tar(w.pack), e);
    if (r >= 0)
        *ret = w.stats;
    return r;
}

int export_tar(int upper_fd, int lower_fd, const int64_t *created_s, tar_out_fn out, void *arg,
               struct cancel *c, struct shale_err *e)
{
    _cleanup_(writer_clear) struct writer w = {.c = c, .flat = true};
    int r = pack_new(out, arg, c, &w.pack, e);

    if (r >= 0)
        r = changes_walk_all(upper_fd, lower_fd, write_change, &w, c, e);
    if (r >= 0 && created_s)
        r = write_unseen(&w, *created_s, e);
    return r < 0 ? r : tar_writer_end(pack_tar(w.pack), e);
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

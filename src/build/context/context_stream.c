/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts that are no folders of this host: standard input, URLs, git. */
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/sys.h"
#include "build/context/archive.h"
#include "build/context/context_priv.h"
#include "build/context/copy_way.h"
#include "build/context/fetch.h"

#define ROOT_NAME "context"

static int open_room(struct build_context *c, const struct build_context_opts *o,
                     struct shale_err *e)
{
    if (!o->store)
        return err_set(e, SHALE_INTERNAL, "there is no store to unpack a context into");
    return build_room_open(o->store, &c->room, e);
}

static int make_root(struct build_context *c, struct shale_err *e)
{
    int room = build_room_fd(c->room);

    if (sys_mkdirat(room, ROOT_NAME, 0755) < 0)
        return err_sys(e, "create a folder for the context");
    c->root_fd = openat(room, ROOT_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return c->root_fd < 0 ? err_sys(e, "open the context's folder") : 0;
}

/* A tar is unpacked; anything else is a Dockerfile without files around it. */
static int take(struct build_context *c, const struct build_context_opts *o, int fd,
                const char *what, struct shale_err *e)
{
    _cleanup_free_ char *head = mem_alloc(ARCHIVE_HEAD_BYTES);
    struct archive_in in = {.head = head, .fd = fd, .what = what};
    int r = head ? archive_read_head(fd, head, &in.head_n, what, e) : err_nomem(e);

    if (r >= 0)
        r = make_root(c, e);
    if (r < 0)
        return r;
    if (archive_is_tar(head, in.head_n)) {
        const struct tar_unpack_opts u = {
            .root_fd = c->root_fd, .dir = "", .shown = "", .cancel = o->cancel};
        return archive_unpack(&in, &u, NULL, NULL, e);
    }
    if (o->no_dockerfile)
        return err_set(e, SHALE_INVALID, "%s is no tar", what);
    if (o->file)
        return err_set(e, SHALE_INVALID,
                       "%s is no tar, so it is the Dockerfile; -f %.100s cannot be in it", what,
                       o->file);
    buf_add(&c->dockerfile, head, in.head_n);
    c->has_dockerfile = true;
    c->name = "Dockerfile";
    return context_read_text(c, fd, c->name, e);
}

static int take_url(struct build_context *c, const struct build_context_opts *o,
                    struct shale_err *e)
{
    struct fetched got;
    int room = build_room_fd(c->room);
    int r = fetch_url(o->context, room, "download", o->cancel, &got, e);

    if (r < 0)
        return r;
    _cleanup_close_ int fd = openat(room, "download", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? err_sys(e, "open what was fetched") : take(c, o, fd, o->context, e);
}

static int take_repository(struct build_context *c, const struct build_context_opts *o,
                           const struct git_source *g, struct shale_err *e)
{
    int room = build_room_fd(c->room);
    char commit[65];
    struct way w;
    int r = git_fetch(g, room, ROOT_NAME, o->keep_git_dir, o->cancel, commit, e);

    if (r < 0)
        return r;
    _cleanup_close_ int fd = openat(room, ROOT_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open the repository");
    r = way_find(fd, g->folder ? g->folder : "", &c->a, &w, e);
    if (r < 0)
        return r;
    if (!w.exists || !S_ISDIR(w.st.st_mode))
        return err_set(e, SHALE_NOT_FOUND, "the repository has no folder \"%.200s\"", g->folder);
    c->root_fd =
        openat(fd, *w.path ? w.path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return c->root_fd < 0 ? err_sys(e, "open a folder of the repository") : 0;
}

int context_open_stream(struct build_context *c, const struct build_context_opts *o,
                        struct shale_err *e)
{
    struct git_source g;
    int r = open_room(c, o, e);

    if (r < 0)
        return r;
    if (streq(o->context, "-"))
        return take(c, o, o->stdin_fd, "the context on standard input", e);
    r = git_parse(o->context, &c->a, &g, e);
    if (r > 0)
        return take_repository(c, o, &g, e);
    return r < 0 ? r : take_url(c, o, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "container/cp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "container/cp_view.h"
#include "container/events.h"
#include "container/pack.h"
#include "container/user.h"
#include "model/limits.h"
#include "tar/codec.h"
#include "tar/tar_place.h"
#include "tar/tar_unpack.h"

#define MAX_LINKS   40 /* on one way, as the kernel has it */
#define BLOCK_BYTES (256u << 10)

/* ---- a path in a container ---- */

struct spot {
    int dir; /* -1: not there */
    const char *path;
    const char *name; /* in dir; never ".." */
    struct stat st;
    bool exists;
};

static void spot_clear(struct spot *s)
{
    if (s->dir >= 0)
        close(s->dir);
}

/* The folder that the spot is in, or that it is. 1: it is there. */
static int open_spot_dir(int root, const char *path, struct spot *s, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int fd = inroot_open(root, path, O_PATH | O_DIRECTORY, &why);

    if (s->dir >= 0)
        close(TAKE_FD(s->dir));
    if (fd < 0 && why.sys == ENOTDIR)
        return err_set(e, SHALE_INVALID, "lstat %.300s: not a directory", path);
    if (fd == -SHALE_NOT_FOUND)
        return 0;
    if (fd < 0)
        return err_set(e, why.code, "%s", why.msg);
    s->dir = fd;
    return 1;
}

/* Where the link at the spot leads. */
static int link_target(const struct spot *s, const char *path, struct arena *a, const char **ret,
                       struct shale_err *e)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(s->dir, s->name, target, sizeof target - 1);
    const char *parent = place_parent(a, path);

    if (n < 0)
        return err_sys(e, "read link %.300s", path);
    target[n] = 0;
    *ret = !parent            ? NULL
           : target[0] == '/' ? arena_strdup(a, target)
                              : arena_printf(a, "%s/%s", parent, target);
    return *ret ? 0 : err_nomem(e);
}

/* Every part but the last is looked up by the kernel, confined to the root; the last one is a plain
 * name in a folder, or the folder itself. */
static int find_spot(int root, const char *path, bool follow, struct arena *a, struct spot *s,
                     struct shale_err *e)
{
    for (int i = 0; i <= MAX_LINKS; i++) {
        const char *name = place_base(a, path), *parent = place_parent(a, path);
        if (!name || !parent)
            return err_nomem(e);
        bool whole = place_says_folder(path) || !*name || streq(name, "..");
        s->path = path;
        s->name = whole ? "." : name;
        int r = open_spot_dir(root, whole ? path : parent, s, e);
        if (r <= 0)
            return r;
        if (fstatat(s->dir, s->name, &s->st, AT_SYMLINK_NOFOLLOW) < 0)
            return errno == ENOENT ? 0 : err_sys(e, "lstat %.300s", path);
        if (!follow || !S_ISLNK(s->st.st_mode)) {
            s->exists = true;
            return 0;
        }
        r = link_target(s, path, a, &path, e);
        if (r < 0)
            return r;
    }
    return err_set(e, SHALE_INVALID, "%.300s: too many levels of symbolic links", path);
}

/* ---- a tree as a tar ---- */

struct feeder {
    struct pack *pack;
    const char *top; /* before the names in it; "": nothing */
    tar_out_fn out;
    void *arg;
    struct cancel *cancel;
    uint64_t n_bytes;
};

static int count_out(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct feeder *f = arg;

    f->n_bytes += n;
    return f->out(f->arg, p, n, e);
}

static int put_member(void *arg, const struct change *c, struct shale_err *e)
{
    struct feeder *f = arg;
    char path[2 * PATH_MAX];
    struct change x = *c;
    int r = cancel_check(f->cancel, e);

    if (r < 0)
        return r;
    int n = snprintf(path, sizeof path, "%s%s%s", f->top, *f->top ? "/" : "", c->path);
    if (n < 0 || n > TAR_MAX_PATH_BYTES)
        return err_set(e, SHALE_LIMIT, "a path is longer than %d bytes", TAR_MAX_PATH_BYTES);
    x.path = path;
    r = pack_member(f->pack, &x, e);
    return r < 0 ? r : 0;
}

static int put_tree(struct feeder *f, int dir, const char *name, struct shale_err *e)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(e, "stat %.300s", name);
    const struct change first = {CHANGE_ADDED, f->top, dir, name, &st, false};
    int r = pack_member(f->pack, &first, e);
    if (r >= 0 && S_ISSOCK(st.st_mode))
        return err_set(e, SHALE_UNSUPPORTED, "%.300s is a socket: it cannot be copied", f->top);
    if (r < 0 || !S_ISDIR(st.st_mode))
        return r;
    _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open %.300s", name);
    return changes_walk_all(-1, fd, put_member, f, f->cancel, e);
}

/* `name` in `dir` and all below it, as a tar with `top` as outermost name. */
static int feed_tree(struct feeder *f, int dir, const char *name, struct shale_err *e)
{
    int r = pack_new(count_out, f, f->cancel, &f->pack, e);

    if (r >= 0)
        r = put_tree(f, dir, name, e);
    if (r >= 0)
        r = tar_writer_end(pack_tar(f->pack), e);
    f->pack = pack_free(f->pack);
    return r;
}

static int write_out(void *arg, const void *p, size_t n, struct shale_err *e)
{
    const struct shale_cp_opts *o = arg;

    if (o->write)
        return o->write(o->arg, p, n) < 0
                   ? err_set(e, SHALE_CANCELED, "nobody takes the tar any more")
                   : 0;
    return sys_write_all(o->fd, p, n) < 0 ? err_sys(e, "write the tar") : 0;
}

static int unpack_tree(struct feeder *f, const struct tar_unpack_opts *o, int dir, const char *name,
                       struct shale_err *e)
{
    struct tar_unpack *u = NULL;
    int r = tar_unpack_new(o, &u, e);

    f->out = tar_unpack_feed;
    f->arg = u;
    if (r >= 0)
        r = feed_tree(f, dir, name, e);
    if (r >= 0)
        r = tar_unpack_end(u, e);
    tar_unpack_free(u);
    return r;
}

static int give(struct shale_cp_result *ret, uint64_t n_bytes, const char *to, struct arena *a,
                struct shale_err *e)
{
    ret->tar_bytes = n_bytes;
    ret->to = arena_strdup(a, to ? to : "-");
    return ret->to ? 0 : err_nomem(e);
}

/* ---- out ---- */

static int no_file(const char *path, const char *container, struct shale_err *e)
{
    return err_set(e, SHALE_NOT_FOUND, "Could not find the file %.300s in container %.100s", path,
                   container);
}

static const char *clean_inside(struct arena *a, const char *path, struct shale_err *e)
{
    const char *clean = *path ? place_clean(a, path) : NULL;

    if (!*path)
        err_set(e, SHALE_INVALID, "the path in the container is empty: \"/\" is all of it");
    else if (!clean)
        err_nomem(e);
    return clean;
}

static int copy_out(struct feeder *f, const struct spot *s, const struct place *src,
                    const struct place *dst, bool keep_owner, struct arena *a, struct shale_err *e)
{
    struct place_plan plan;
    int r = place_plan(src, dst, a, &plan, e);

    if (r < 0)
        return r;
    _cleanup_close_ int dir = fs_open_dir(AT_FDCWD, plan.dir, e);
    if (dir < 0)
        return dir;
    f->top = plan.top;
    const struct tar_unpack_opts o = {.root_fd = dir,
                                      .dir = "",
                                      .shown = plan.dir,
                                      .keep_owner = keep_owner,
                                      .cancel = f->cancel};
    return unpack_tree(f, &o, s->dir, s->name, e);
}

static int out_of(struct container_host *h, struct ctr *c, const char *container, const char *path,
                  const struct place *dst, const struct shale_cp_opts *o, struct arena *a,
                  struct feeder *f, struct shale_err *e)
{
    _cleanup_(cp_view_close) struct cp_view v = CP_VIEW_INIT;
    _cleanup_(spot_clear) struct spot s = {.dir = -1};
    const char *clean = clean_inside(a, path, e);
    struct shale_cp_opts own = *o;

    if (!clean)
        return -SHALE_INVALID;
    int r = cp_view_open(h, a, c, &v, e);
    if (r >= 0)
        r = find_spot(v.root_fd, clean, o->follow_link, a, &s, e);
    if (r >= 0 && !s.exists)
        r = no_file(path, container, e);
    if (r < 0)
        return r;
    struct place src = {clean, place_base(a, clean), true, S_ISDIR(s.st.st_mode)};
    if (!src.name)
        return err_nomem(e);
    if (dst)
        return copy_out(f, &s, &src, dst, o->keep_owner, a, e);
    f->top = src.name;
    f->out = write_out;
    f->arg = &own;
    return feed_tree(f, s.dir, s.name, e);
}

int container_cp_out(struct container_host *h, const char *container, const char *path,
                     const char *to, const struct shale_cp_opts *o, struct arena *a,
                     struct shale_cp_result *ret, struct shale_err *e)
{
    struct feeder f = {.cancel = h->cancel, .top = ""};
    struct place dst;
    struct ctr c;
    int r = to ? place_local_dest(to, a, &dst, e) : 0;

    if (r >= 0)
        r = ctr_find(h, container, a, &c, e);
    if (r >= 0)
        r = out_of(h, &c, container, path, to ? &dst : NULL, o, a, &f, e);
    if (r < 0)
        return r;
    ctr_event(h, &c.row, EVENT_CONTAINER_COPY_OUT, NULL, NULL);
    return give(ret, f.n_bytes, to ? dst.path : NULL, a, e);
}

/* ---- what is there ---- */

static int fill_stat(const struct spot *s, int root, const char *clean, struct arena *a,
                     struct shale_cp_stat *ret, struct shale_err *e)
{
    const char *name = place_base(a, clean), *target = "";
    int r = name ? 0 : err_nomem(e);

    if (r >= 0 && S_ISLNK(s->st.st_mode)) {
        _cleanup_(spot_clear) struct spot there = {.dir = -1};
        r = link_target(s, clean, a, &target, e);
        if (r >= 0 && find_spot(root, target, true, a, &there, NULL) >= 0 && there.exists)
            target = there.path;
        target = r >= 0 ? place_clean(a, target) : NULL;
    }
    if (r < 0)
        return r;
    *ret = (struct shale_cp_stat){
        .name = *name ? name : "/",
        .size_bytes = (uint64_t)s->st.st_size,
        .mode = s->st.st_mode,
        .mtime_ns = (int64_t)s->st.st_mtim.tv_sec * NS_PER_S + s->st.st_mtim.tv_nsec,
        .link_target = target,
    };
    return target ? 0 : err_nomem(e);
}

int container_cp_stat(struct container_host *h, const char *container, const char *path,
                      struct arena *a, struct shale_cp_stat *ret, struct shale_err *e)
{
    _cleanup_(cp_view_close) struct cp_view v = CP_VIEW_INIT;
    _cleanup_(spot_clear) struct spot s = {.dir = -1};
    struct ctr c;
    int r = ctr_find(h, container, a, &c, e);

    if (r < 0)
        return r;
    const char *clean = clean_inside(a, path, e);
    if (!clean)
        return -SHALE_INVALID;
    r = cp_view_open(h, a, &c, &v, e);
    if (r >= 0)
        r = find_spot(v.root_fd, clean, false, a, &s, e);
    if (r >= 0 && !s.exists)
        r = no_file(path, container, e);
    return r < 0 ? r : fill_stat(&s, v.root_fd, clean, a, ret, e);
}

/* ---- in ---- */

struct target {
    struct cp_view v;
    struct place place;
    const char *container, *given; /* CONTAINER:PATH */
};

static int open_target(struct container_host *h, struct ctr *c, const char *path, struct arena *a,
                       struct target *t, struct shale_err *e)
{
    _cleanup_(spot_clear) struct spot s = {.dir = -1};
    const char *clean = clean_inside(a, path, e);

    if (!clean)
        return -SHALE_INVALID;
    int r = cp_view_open(h, a, c, &t->v, e);
    if (r >= 0)
        r = find_spot(t->v.root_fd, clean, true, a, &s, e);
    if (r < 0) {
        if (r == -SHALE_INVALID && place_says_folder(clean)) /* a file, said to be a folder */
            s.path = clean;
        else
            return r;
    }
    if (s.exists && (S_ISCHR(s.st.st_mode) || S_ISBLK(s.st.st_mode)))
        return err_set(e, SHALE_INVALID,
                       "destination \"%.100s:%.300s\" must be a directory or a regular file: got a "
                       "device",
                       t->container, path);
    t->place = (struct place){s.path, NULL, s.exists, s.exists && S_ISDIR(s.st.st_mode)};
    return 0;
}

/* The folder is there and can be written to. */
static int check_folder(const struct target *t, const struct ctr *c, const char *dir,
                        struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    _cleanup_close_ int fd = inroot_open(t->v.root_fd, dir, O_RDONLY | O_DIRECTORY, &why);

    if (fd < 0 && why.sys == ENOTDIR)
        return err_set(e, SHALE_INVALID, "extraction point is not a directory");
    if (fd == -SHALE_NOT_FOUND)
        return no_file(dir, t->container, e);
    if (fd < 0)
        return err_set(e, why.code, "%s", why.msg);
    return cp_view_check_writable(&t->v, c, fd, e);
}

static int feed_block(struct decoder *d, struct tar_unpack *u, struct str in, char *out,
                      uint64_t *n_bytes, struct shale_err *e)
{
    size_t got;

    do {
        int r = decoder_run(d, &in, out, BLOCK_BYTES, &got, e);
        if (r >= 0 && got)
            r = tar_unpack_feed(u, out, got, e);
        if (r < 0)
            return r;
        *n_bytes += got;
    } while (got == BLOCK_BYTES || in.n > 0);
    return 0;
}

/* All that fits, less only at the end. */
static int read_in(const struct shale_cp_opts *o, char *p, size_t *ret_n, struct shale_err *e)
{
    if (!o->read)
        return sys_read_full(o->fd, p, BLOCK_BYTES, ret_n) < 0 ? err_sys(e, "read the tar") : 0;
    for (*ret_n = 0; *ret_n < BLOCK_BYTES;) {
        int64_t n = o->read(o->arg, p + *ret_n, BLOCK_BYTES - *ret_n);
        if (n < 0)
            return err_set(e, SHALE_CANCELED, "the tar was broken off");
        if (n == 0)
            return 0;
        *ret_n += (size_t)n;
    }
    return 0;
}

static int feed_stream(const struct shale_cp_opts *o, struct decoder *d, struct tar_unpack *u,
                       uint64_t *n_bytes, struct shale_err *e)
{
    _cleanup_free_ char *in = mem_alloc(BLOCK_BYTES);
    _cleanup_free_ char *out = mem_alloc(BLOCK_BYTES);
    size_t n = BLOCK_BYTES;
    int r = in && out ? 0 : err_nomem(e);

    while (r >= 0 && n == BLOCK_BYTES) {
        r = read_in(o, in, &n, e);
        if (r >= 0 && n)
            r = feed_block(d, u, (struct str){in, n}, out, n_bytes, e);
    }
    return r < 0 ? r : decoder_end(d, e);
}

/* A tar that comes from elsewhere. */
static int unpack_stream(const struct shale_cp_opts *from, const struct tar_unpack_opts *o,
                         uint64_t *n_bytes, struct shale_err *e)
{
    const struct decoder_limits limits = {.max_bytes = LIMIT_LAYER_BYTES};
    struct tar_unpack *u = NULL;
    struct decoder *d = NULL;
    int r = decoder_new(DECODER_ARCHIVE, &limits, &d, e);

    if (r >= 0)
        r = tar_unpack_new(o, &u, e);
    if (r >= 0)
        r = feed_stream(from, d, u, n_bytes, e);
    if (r >= 0)
        r = tar_unpack_end(u, e);
    if (r == -SHALE_CORRUPT && !from->read)
        r = err_wrap(e, r, "standard input");
    tar_unpack_free(u);
    decoder_free(d);
    return r;
}

/* Whose files become that come in as a tar; the archive's own where the container has no user. */
static int take_user(const struct target *t, const struct ctr *c, struct arena *a,
                     struct tar_unpack_opts *o, struct shale_err *e)
{
    const struct strv no_more = {.n = 0};
    struct user u;

    if (!*c->conf.user)
        return 0;
    int r = user_lookup(t->v.root_fd, c->conf.user, &no_more, a, &u, e);
    if (r < 0)
        return r;
    o->set_owner = true;
    o->uid = u.uid;
    o->gid = u.gid;
    return 0;
}

static int copy_in(struct feeder *f, const struct ctr *c, const struct target *t,
                   const struct place *src, const struct shale_cp_opts *from, struct arena *a,
                   struct shale_err *e)
{
    struct place_plan plan = {t->place.path, ""};
    int r = 0;

    if (src)
        r = place_plan(src, &t->place, a, &plan, e);
    else if (!t->place.exists)
        r = no_file(t->place.path, t->container, e);
    else if (!t->place.is_dir)
        r = err_set(e, SHALE_INVALID, "destination \"%.400s\" must be a directory", t->given);
    if (r >= 0)
        r = check_folder(t, c, plan.dir, e);
    if (r < 0)
        return r;
    struct tar_unpack_opts o = {.root_fd = t->v.root_fd,
                                .dir = plan.dir,
                                .shown = streq(plan.dir, "/") ? "" : plan.dir,
                                .keep_owner = true,
                                .replace_any = !src && from->replace_any,
                                .cancel = f->cancel};
    if (!src && from->to_user)
        r = take_user(t, c, a, &o, e);
    if (r < 0)
        return r;
    if (!src)
        return unpack_stream(from, &o, &f->n_bytes, e);
    const char *parent = place_parent(a, src->path), *name = place_base(a, src->path);
    if (!parent || !name)
        return err_nomem(e);
    _cleanup_close_ int dir = fs_open_dir(AT_FDCWD, parent, e);
    f->top = plan.top;
    return dir < 0 ? dir : unpack_tree(f, &o, dir, *name ? name : ".", e);
}

static void target_clear(struct target *t)
{
    cp_view_close(&t->v);
}

int container_cp_in(struct container_host *h, const char *from, const char *container,
                    const char *path, const struct shale_cp_opts *o, struct arena *a,
                    struct shale_cp_result *ret, struct shale_err *e)
{
    _cleanup_(target_clear) struct target t = {.v = CP_VIEW_INIT, .container = container};
    struct feeder f = {.cancel = h->cancel, .top = ""};
    struct place src;
    struct ctr c;
    int r = from ? place_local_source(from, o->follow_link, a, &src, e) : 0;

    if (r < 0)
        return r;
    t.given = arena_printf(a, "%s:%s", container, path);
    if (!t.given)
        return err_nomem(e);
    r = ctr_find(h, container, a, &c, e);
    if (r >= 0)
        r = open_target(h, &c, path, a, &t, e);
    if (r >= 0)
        r = copy_in(&f, &c, &t, from ? &src : NULL, o, a, e);
    if (r < 0)
        return r;
    ctr_event(h, &c.row, EVENT_CONTAINER_COPY_IN, NULL, NULL);
    const char *to = arena_printf(a, "%s:%s", container, t.place.path);
    return to ? give(ret, f.n_bytes, to, a, e) : err_nomem(e);
}

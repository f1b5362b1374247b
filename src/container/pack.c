/* SPDX-License-Identifier: Apache-2.0 */
#include "container/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "container/xattrs.h"

#define READ_BYTES (128u << 10)
#define LINKS_MAX  (64u << 20) /* bytes of what is remembered of hard links */

struct link { /* a file with several names, by the first of them */
    dev_t dev;
    ino_t ino;
    const char *path; /* NULL: a free place */
};

struct pack {
    struct tar_writer *tar;
    struct cancel *c;
    struct arena links_a;
    struct link *links;
    size_t n_links, cap_links; /* a power of two */
    char *block;
    int64_t no_later_s;
    struct xattrs xattrs;
    pack_adjust_fn adjust; /* NULL: members are as the files are */
    void *adjust_arg;
};

/* ---- hard links ---- */

static struct link *place_of(const struct pack *w, dev_t dev, ino_t ino)
{
    size_t i = (size_t)(ino * 0x9e3779b97f4a7c15ull >> 20) & (w->cap_links - 1);

    while (w->links[i].path && (w->links[i].ino != ino || w->links[i].dev != dev))
        i = (i + 1) & (w->cap_links - 1);
    return &w->links[i];
}

static int grow_links(struct pack *w, struct shale_err *e)
{
    struct link *old = w->links;
    size_t n = w->cap_links;

    if (w->n_links * 2 < n)
        return 0;
    w->cap_links = n ? 2 * n : 64;
    w->links = mem_array(w->cap_links, sizeof *w->links);
    if (!w->links) {
        w->links = old;
        w->cap_links = n;
        return err_nomem(e);
    }
    for (size_t i = 0; i < n; i++)
        if (old[i].path)
            *place_of(w, old[i].dev, old[i].ino) = old[i];
    free(old);
    return 0;
}

/* 1 and the first name, if there was one. */
static int find_link(struct pack *w, const struct change *c, const char **ret, struct shale_err *e)
{
    int r = grow_links(w, e);

    if (r < 0)
        return r;
    struct link *l = place_of(w, c->st->st_dev, c->st->st_ino);
    if (l->path) {
        *ret = l->path;
        return 1;
    }
    const char *path = arena_strdup(&w->links_a, c->path);
    if (!path)
        return err_set(e, SHALE_LIMIT, "too many files have several names");
    *l = (struct link){c->st->st_dev, c->st->st_ino, path};
    w->n_links++;
    return 0;
}

/* ---- content ---- */

static int write_run(struct pack *w, int fd, const char *path, uint64_t at, uint64_t n,
                     struct shale_err *e)
{
    int r = 0;

    while (r >= 0 && n > 0) {
        size_t want = n < READ_BYTES ? (size_t)n : READ_BYTES, got;
        ssize_t k = pread(fd, w->block, want, (off_t)at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(e, "read /%.300s", path);
        if (k == 0) /* it became shorter while it was read */
            return tar_write_zeros(w->tar, n, e);
        got = (size_t)k;
        r = tar_write_data(w->tar, w->block, got, e);
        at += got;
        n -= got;
    }
    return r;
}

static int write_content(struct pack *w, int fd, const char *path, const struct stat *st,
                         struct shale_err *e)
{
    uint64_t at = 0, size = (uint64_t)st->st_size;
    int r = 0;

    if ((uint64_t)st->st_blocks * 512 >= size)
        return write_run(w, fd, path, 0, size, e);
    while (r >= 0 && at < size) {
        r = cancel_check(w->c, e);
        if (r < 0)
            return r;
        off_t from = lseek(fd, (off_t)at, SEEK_DATA);
        uint64_t data = from < 0 && errno == ENXIO ? size : from < 0 ? at : (uint64_t)from;
        off_t to = data < size ? lseek(fd, (off_t)data, SEEK_HOLE) : (off_t)size;
        uint64_t end = to < 0 || (uint64_t)to > size ? size : (uint64_t)to;
        data = data < size ? data : size;
        r = tar_write_zeros(w->tar, data - at, e);
        if (r >= 0 && end > data)
            r = write_run(w, fd, path, data, end - data, e);
        at = end > data ? end : size;
        if (r >= 0 && end <= data && data < size) /* no progress: a file system without holes */
            r = write_run(w, fd, path, data, size - data, e);
    }
    return r;
}

/* ---- members ---- */

static void fill(const struct pack *w, struct tar_entry *t, const struct change *c,
                 const struct stat *st)
{
    t->path = str_of(c->path);
    t->mode = st->st_mode & 07777;
    t->uid = st->st_uid;
    t->gid = st->st_gid;
    t->mtime_s = st->st_mtim.tv_sec < w->no_later_s ? st->st_mtim.tv_sec : w->no_later_s;
    t->dev_major = major(st->st_rdev);
    t->dev_minor = minor(st->st_rdev);
}

static int adjusted(struct pack *w, struct tar_entry *t, const struct stat *st, struct shale_err *e)
{
    return w->adjust ? w->adjust(w->adjust_arg, t, st, e) : 0;
}

static int write_file(struct pack *w, const struct change *c, struct tar_entry *t,
                      struct shale_err *e)
{
    const char *first = NULL;
    struct stat st;
    int r = c->st->st_nlink > 1 ? find_link(w, c, &first, e) : 0;

    if (r < 0)
        return r;
    if (r > 0) {
        t->type = TAR_HARDLINK;
        t->link = str_of(first);
        r = tar_write_entry(w->tar, t, e);
        return r < 0 ? r : 1;
    }
    _cleanup_close_ int fd =
        openat(c->dir_fd, c->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(e, "open /%.300s", c->path);
    if (fstat(fd, &st) < 0)
        return err_sys(e, "stat /%.300s", c->path);
    if (!S_ISREG(st.st_mode)) /* replaced meanwhile */
        return 0;
    fill(w, t, c, &st);
    t->type = TAR_REG;
    t->size_bytes = (uint64_t)st.st_size;
    r = adjusted(w, t, &st, e);
    if (r >= 0)
        r = tar_write_entry(w->tar, t, e);
    if (r >= 0)
        r = write_content(w, fd, c->path, &st, e);
    return r < 0 ? r : 1;
}

static int write_link(struct pack *w, const struct change *c, struct tar_entry *t,
                      struct shale_err *e)
{
    ssize_t n = readlinkat(c->dir_fd, c->name, w->block, TAR_MAX_PATH_BYTES);

    if (n < 0)
        return errno == ENOENT ? 0 : err_sys(e, "read link /%.300s", c->path);
    t->type = TAR_SYMLINK;
    t->link = (struct str){w->block, (size_t)n};
    int r = tar_write_entry(w->tar, t, e);
    return r < 0 ? r : 1;
}

int pack_member(struct pack *w, const struct change *c, struct shale_err *e)
{
    struct tar_entry t = {0};

    if (S_ISSOCK(c->st->st_mode))
        return 0;
    fill(w, &t, c, c->st);
    int r = adjusted(w, &t, c->st, e);
    if (r == 0) {
        r = xattrs_read(&w->xattrs, c->dir_fd, c->name, c->path, e);
        t.xattrs = w->xattrs.v;
        t.n_xattrs = w->xattrs.n;
    }
    if (r < 0)
        return r;
    switch (c->st->st_mode & S_IFMT) {
    case S_IFREG:
        return write_file(w, c, &t, e);
    case S_IFLNK:
        return write_link(w, c, &t, e);
    case S_IFDIR:
        t.type = TAR_DIR;
        break;
    case S_IFCHR:
        t.type = TAR_CHAR;
        break;
    case S_IFBLK:
        t.type = TAR_BLOCKDEV;
        break;
    default:
        t.type = TAR_FIFO;
    }
    r = tar_write_entry(w->tar, &t, e);
    return r < 0 ? r : 1;
}

/* ---- life ---- */

void pack_adjust(struct pack *w, pack_adjust_fn f, void *arg)
{
    w->adjust = f;
    w->adjust_arg = arg;
}

void pack_clamp(struct pack *w, int64_t no_later_s)
{
    w->no_later_s = no_later_s;
}

struct tar_writer *pack_tar(struct pack *w)
{
    return w->tar;
}

int pack_new(tar_out_fn out, void *arg, struct cancel *c, struct pack **ret, struct shale_err *e)
{
    struct pack *w = mem_alloc(sizeof *w);

    if (!w)
        return err_nomem(e);
    w->c = c;
    w->no_later_s = INT64_MAX;
    arena_init(&w->links_a, LINKS_MAX);
    w->block = mem_alloc(READ_BYTES);
    int r = w->block ? tar_writer_new(out, arg, &w->tar, e) : err_nomem(e);
    if (r < 0) {
        pack_free(w);
        return r;
    }
    *ret = w;
    return 0;
}

struct pack *pack_free(struct pack *w)
{
    if (!w)
        return NULL;
    tar_writer_free(w->tar);
    arena_clear(&w->links_a);
    xattrs_clear(&w->xattrs);
    free(w->links);
    free(w->block);
    free(w);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A merged tree as plain files. Every folder on the way is one that this code has just made, opened
 * without following links and held by descriptor; names are single components; links are made last
 * in the sense that nothing is ever opened through one. So no layer can lead a write out of the
 * folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/sys.h"
#include "rootfs/driver_priv.h"
#include "rootfs/erofs_xattr.h"
#include "rootfs/folder_walk.h"

#define COPY_BYTES (256u << 10)

struct dir_writer {
    struct tree *t;
    const int *tar_fds;
    int top;
    struct cancel *c;
    struct shale_err *e;
    char *block;
    bool privileged;
};

/* ---- paths of nodes, for links ---- */

static int node_path(const struct tree *t, uint32_t node, char ret[PATH_MAX])
{
    size_t at = PATH_MAX - 1;

    ret[at] = 0;
    for (uint32_t k = node; k != TREE_ROOT; k = t->nodes[k].parent) {
        size_t n = t->nodes[k].name_n;
        if (at < n + 1)
            return -1;
        at -= n;
        memcpy(ret + at, t->nodes[k].name, n);
        ret[--at] = '/';
    }
    memmove(ret, ret + at + 1, PATH_MAX - at - 1);
    return 0;
}

/* ---- metadata ---- */

static int tolerate(const struct dir_writer *w, int rc)
{
    /* without root what cannot be had is left out, as all rootless engines do */
    bool cannot = errno == EPERM || errno == EOPNOTSUPP || errno == EINVAL; /* ids without a map */

    return rc < 0 && !w->privileged && cannot ? 0 : rc;
}

static int set_xattrs(const struct dir_writer *w, int dir, const char *name,
                      const struct tar_entry *x)
{
    char path[PATH_MAX];

    if (x->n_xattrs == 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, name);
    for (size_t i = 0; i < x->n_xattrs; i++) {
        const struct tar_xattr *a = &x->xattrs[i];
        if (erofs_xattr_is_dropped(a, x->type))
            continue;
        if (lsetxattr(path, a->name, a->value, a->value_bytes, 0) < 0 && errno != EOPNOTSUPP &&
            tolerate(w, -1) < 0)
            return err_sys(w->e, "%s: attribute %s", name, a->name);
    }
    return 0;
}

/* Owner, mode, attributes, times: in this order, since a change of owner drops setuid bits. */
static int set_metadata(const struct dir_writer *w, int dir, const char *name,
                        const struct tar_entry *x)
{
    const struct timespec times[2] = {{x->mtime_s, x->mtime_ns}, {x->mtime_s, x->mtime_ns}};

    if (tolerate(w, fchownat(dir, name, x->uid, x->gid, AT_SYMLINK_NOFOLLOW)) < 0)
        return err_sys(w->e, "%s: owner", name);
    if (x->type != TAR_SYMLINK && fchmodat(dir, name, x->mode, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(w->e, "%s: mode", name);
    int r = set_xattrs(w, dir, name, x);
    if (r < 0)
        return r;
    if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return err_sys(w->e, "%s: times", name);
    return 0;
}

/* ---- contents ---- */

static int copy_run(const struct dir_writer *w, int from, uint64_t from_at, int to, uint64_t to_at,
                    uint64_t n)
{
    while (n > 0) {
        size_t want = n < COPY_BYTES ? (size_t)n : COPY_BYTES, got;
        int r = cancel_check(w->c, w->e);
        if (r < 0)
            return r;
        if (sys_pread_full(from, w->block, want, from_at, &got) < 0)
            return err_sys(w->e, "layer");
        if (got != want)
            return err_set(w->e, SHALE_CORRUPT, "a file's data lies outside its layer");
        if (sys_pwrite_all(to, w->block, got, to_at) < 0)
            return err_sys(w->e, "write");
        from_at += got;
        to_at += got;
        n -= got;
    }
    return 0;
}

static int write_content(const struct dir_writer *w, int fd, const struct tar_entry *x, int tar)
{
    if (!x->sparse)
        return copy_run(w, tar, x->data_offset, fd, 0, x->size_bytes);
    if (sys_ftruncate(fd, x->size_bytes) < 0)
        return err_sys(w->e, "write");
    for (size_t i = 0; i < x->n_extents; i++) {
        const struct tar_extent *t = &x->extents[i];
        if (t->file_offset > x->size_bytes || t->n_bytes > x->size_bytes - t->file_offset)
            return err_set(w->e, SHALE_CORRUPT, "a sparse file's map lies outside of it");
        int r = copy_run(w, tar, t->data_offset, fd, t->file_offset, t->n_bytes);
        if (r < 0)
            return r;
    }
    return 0;
}

static int make_file(const struct dir_writer *w, int dir, const char *name,
                     const struct tar_entry *x, int tar)
{
    _cleanup_close_ int fd = sys_openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

    return fd < 0 ? err_sys(w->e, "%s", name) : write_content(w, fd, x, tar);
}

static int make_special(const struct dir_writer *w, int dir, const char *name,
                        const struct tar_entry *x)
{
    mode_t kind = x->type == TAR_FIFO ? S_IFIFO : x->type == TAR_CHAR ? S_IFCHR : S_IFBLK;

    if (mknodat(dir, name, kind | 0600, makedev(x->dev_major, x->dev_minor)) == 0)
        return 0;
    if (!w->privileged && errno == EPERM && x->type != TAR_FIFO)
        return 1; /* device nodes are not for ordinary users */
    return err_sys(w->e, "%s", name);
}

/* 1: left out. */
static int make_inode(struct dir_writer *w, int dir, const char *name, uint32_t inode)
{
    const struct tree_inode *ti = &w->t->inodes[inode];
    struct tar_entry x;
    int r = tree_entry(w->t, inode, &x, w->e);

    if (r < 0)
        return r;
    switch (x.type) {
    case TAR_DIR:
        return sys_mkdirat(dir, name, 0700) < 0 ? err_sys(w->e, "%s", name) : 0;
    case TAR_SYMLINK:
        r = sys_symlinkat(x.link.p, dir, name) < 0 ? err_sys(w->e, "%s", name) : 0;
        break;
    case TAR_REG:
        r = make_file(w, dir, name, &x, w->tar_fds[ti->layer]);
        break;
    default:
        r = make_special(w, dir, name, &x);
        break;
    }
    return r != 0 ? r : set_metadata(w, dir, name, &x);
}

static int make_node(struct dir_writer *w, int dir, uint32_t node, const char *name)
{
    struct tree_inode *ti = &w->t->inodes[w->t->nodes[node].inode];
    char path[PATH_MAX];

    if (ti->type == TAR_DIR || ti->user == 0) {
        int r = make_inode(w, dir, name, w->t->nodes[node].inode);
        if (r == 0)
            ti->user = node + 1;
        return r < 0 ? r : 0;
    }
    if (node_path(w->t, ti->user - 1, path) < 0)
        return err_set(w->e, SHALE_LIMIT, "%s: its path is too long", name);
    return sys_linkat(w->top, path, dir, name) < 0 ? err_sys(w->e, "%s", name) : 0;
}

/* ---- the walk ---- */

static void name_of(const struct tree *t, uint32_t node, char ret[TAR_MAX_NAME_BYTES + 1])
{
    memcpy(ret, t->nodes[node].name, t->nodes[node].name_n);
    ret[t->nodes[node].name_n] = 0;
}

/* Back to the folder that `node` lies in, whose own metadata come last: writing into it has changed
 * its times, and its mode may forbid writing. */
static int leave(struct dir_writer *w, struct folder_walk *f, uint32_t node)
{
    char name[TAR_MAX_NAME_BYTES + 1];
    struct tar_entry x;
    int r = folder_walk_leave(f, w->e);

    name_of(w->t, node, name);
    if (r >= 0)
        r = tree_entry(w->t, w->t->nodes[node].inode, &x, w->e);
    return r < 0 ? r : set_metadata(w, f->fd, name, &x);
}

static int write_below(struct dir_writer *w, struct folder_walk *f)
{
    const struct tree *t = w->t;
    uint32_t at = TREE_ROOT, k = tree_first(t, at);
    char name[TAR_MAX_NAME_BYTES + 1];
    int r = 0;

    while (r >= 0) {
        if (k == TREE_NONE) { /* `at` is done */
            if (at == TREE_ROOT)
                return 0;
            r = leave(w, f, at);
            k = tree_next(t, at);
            at = t->nodes[at].parent;
            continue;
        }
        name_of(t, k, name);
        r = make_node(w, f->fd, k, name);
        if (r >= 0 && tree_is_dir(t, k)) {
            r = cancel_check(w->c, w->e);
            if (r >= 0)
                r = folder_walk_enter(f, name, w->e);
            at = k;
            k = tree_first(t, k);
        } else {
            k = tree_next(t, k);
        }
    }
    return r;
}

int dir_write(struct tree *t, const int *tar_fds, int folder_fd, struct cancel *c,
              struct shale_err *e)
{
    struct dir_writer w = {.t = t,
                           .tar_fds = tar_fds,
                           .top = folder_fd,
                           .c = c,
                           .e = e,
                           .block = mem_alloc(COPY_BYTES),
                           .privileged = is_privileged()};
    struct folder_walk f = {.fd = -1};
    struct tar_entry x;
    int r = w.block ? folder_walk_begin(&f, folder_fd, e) : err_nomem(e);

    if (r >= 0)
        r = write_below(&w, &f);
    folder_walk_end(&f);
    if (r >= 0)
        r = tree_entry(t, t->nodes[TREE_ROOT].inode, &x, e);
    if (r >= 0)
        r = set_metadata(&w, folder_fd, ".", &x);
    free(w.block);
    return r;
}

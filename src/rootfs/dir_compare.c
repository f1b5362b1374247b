/* SPDX-License-Identifier: Apache-2.0 */
/* Is a folder still what the layers say? */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/sys.h"
#include "rootfs/driver_priv.h"
#include "rootfs/erofs_xattr.h"
#include "rootfs/folder_walk.h"

#define READ_BYTES (128u << 10)

struct comparer {
    struct tree *t;
    const int *tar_fds;
    struct cancel *c;
    struct shale_err *e;
    char *block; /* twice READ_BYTES */
    bool privileged;
};

static int differs(const struct comparer *x, const char *name, const char *what)
{
    return err_set(x->e, SHALE_CORRUPT, "%.200s: its %s is not what the layers say", name, what);
}

static int compare_run(const struct comparer *x, const char *name, int a, uint64_t a_at, int b,
                       uint64_t b_at, uint64_t n)
{
    while (n > 0) {
        size_t want = n < READ_BYTES ? (size_t)n : READ_BYTES, na, nb;
        int r = cancel_check(x->c, x->e);
        if (r < 0)
            return r;
        if (sys_pread_full(a, x->block, want, a_at, &na) < 0 ||
            sys_pread_full(b, x->block + READ_BYTES, want, b_at, &nb) < 0)
            return err_sys(x->e, "%s", name);
        if (na != want || nb != want || memcmp(x->block, x->block + READ_BYTES, want) != 0)
            return differs(x, name, "content");
        a_at += want;
        b_at += want;
        n -= want;
    }
    return 0;
}

/* From `at` to `end` there must be zeros. */
static int compare_hole(const struct comparer *x, const char *name, int fd, uint64_t at,
                        uint64_t end)
{
    size_t n;

    while (at < end) {
        off_t data = lseek(fd, (off_t)at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) /* none up to the file's end */
            return 0;
        if (data >= 0) /* otherwise the file system has no holes */
            at = (uint64_t)data;
        if (at >= end)
            return 0;
        int r = cancel_check(x->c, x->e);
        if (r < 0)
            return r;
        size_t want = end - at < READ_BYTES ? (size_t)(end - at) : READ_BYTES;
        if (sys_pread_full(fd, x->block, want, at, &n) < 0)
            return err_sys(x->e, "%s", name);
        if (n != want || x->block[0] != 0 || memcmp(x->block, x->block + 1, n - 1) != 0)
            return differs(x, name, "content");
        at += n;
    }
    return 0;
}

static int compare_content(const struct comparer *x, int dir, const char *name,
                           const struct tar_entry *t, int tar)
{
    _cleanup_close_ int fd = sys_openat(dir, name, O_RDONLY | O_NOFOLLOW, 0);
    int r = 0;

    if (fd < 0)
        return err_sys(x->e, "%s", name);
    if (!t->sparse)
        return compare_run(x, name, fd, 0, tar, t->data_offset, t->size_bytes);
    uint64_t at = 0;
    for (size_t i = 0; r >= 0 && i < t->n_extents; i++) {
        r = compare_hole(x, name, fd, at, t->extents[i].file_offset);
        at = t->extents[i].file_offset + t->extents[i].n_bytes;
        if (r >= 0)
            r = compare_run(x, name, fd, t->extents[i].file_offset, tar, t->extents[i].data_offset,
                            t->extents[i].n_bytes);
    }
    return r < 0 ? r : compare_hole(x, name, fd, at, t->size_bytes);
}

static int compare_link(const struct comparer *x, int dir, const char *name,
                        const struct tar_entry *t)
{
    char target[TAR_MAX_PATH_BYTES + 1];
    ssize_t n = readlinkat(dir, name, target, sizeof target);

    if (n < 0)
        return err_sys(x->e, "%s", name);
    return (size_t)n == t->link.n && memcmp(target, t->link.p, t->link.n) == 0
               ? 0
               : differs(x, name, "target");
}

/* The attributes that the layers give it: no other value, no further names. What a security module
 * adds by itself is not counted, and where the file system has none nothing is compared. */
static int compare_xattrs(const struct comparer *x, int dir, const char *name,
                          const struct tar_entry *t)
{
    _cleanup_free_ char *names = mem_alloc(READ_BYTES), *value = mem_alloc(TAR_MAX_XATTR_BYTES);
    size_t n_given = 0, n_there = 0;
    char path[PATH_MAX];

    if (!names || !value)
        return err_nomem(x->e);
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, name);
    for (size_t i = 0; i < t->n_xattrs; i++) {
        const struct tar_xattr *a = &t->xattrs[i];
        if (erofs_xattr_is_dropped(a, t->type))
            continue;
        ssize_t n = lgetxattr(path, a->name, value, TAR_MAX_XATTR_BYTES);
        if (n < 0 && errno == EOPNOTSUPP)
            continue;
        if (n != (ssize_t)a->value_bytes || memcmp(value, a->value, a->value_bytes) != 0)
            return differs(x, name, a->name);
        n_given += strcmp(a->name, "security.selinux") != 0;
    }
    ssize_t n = llistxattr(path, names, READ_BYTES);
    for (const char *p = names; n > 0 && p < names + n; p += strlen(p) + 1)
        n_there += strcmp(p, "security.selinux") != 0;
    return n_there == n_given ? 0 : differs(x, name, "set of attributes");
}

/* Names of one file must be names of one file. */
static int compare_links(const struct comparer *x, const char *name, struct tree_inode *i,
                         const struct stat *st)
{
    uint32_t mark = (uint32_t)(st->st_ino ^ st->st_ino >> 32) | 1u;

    if (st->st_nlink != i->nlink || (i->user && i->user != mark))
        return differs(x, name, "set of hard links");
    i->user = mark;
    return 0;
}

static int compare_stat(const struct comparer *x, const char *name, const struct tar_entry *t,
                        const struct stat *st)
{
    static const mode_t kinds[] = {
        [TAR_REG] = S_IFREG,      [TAR_SYMLINK] = S_IFLNK, [TAR_CHAR] = S_IFCHR,
        [TAR_BLOCKDEV] = S_IFBLK, [TAR_DIR] = S_IFDIR,     [TAR_FIFO] = S_IFIFO};
    bool device = t->type == TAR_CHAR || t->type == TAR_BLOCKDEV;

    if ((st->st_mode & S_IFMT) != kinds[t->type])
        return differs(x, name, "type");
    if (t->type != TAR_SYMLINK && (st->st_mode & 07777) != t->mode)
        return differs(x, name, "mode");
    if (x->privileged && (st->st_uid != t->uid || st->st_gid != t->gid))
        return differs(x, name, "owner");
    bool old_times = t->mtime_s >= INT32_MIN && t->mtime_s <= INT32_MAX; /* that every fs holds */
    if (old_times && (st->st_mtim.tv_sec != t->mtime_s || st->st_mtim.tv_nsec != t->mtime_ns))
        return differs(x, name, "time");
    if (t->type == TAR_REG && (uint64_t)st->st_size != t->size_bytes)
        return differs(x, name, "size");
    if (device && st->st_rdev != makedev(t->dev_major, t->dev_minor))
        return differs(x, name, "device number");
    return 0;
}

static int compare_node(const struct comparer *x, int dir, const char *name, uint32_t inode)
{
    struct tree_inode *i = &x->t->inodes[inode];
    struct tar_entry t;
    struct stat st;
    int r = tree_entry(x->t, inode, &t, x->e);

    if (r < 0)
        return r;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT && !x->privileged && (t.type == TAR_CHAR || t.type == TAR_BLOCKDEV))
            return 0;
        return errno == ENOENT ? differs(x, name, "absence") : err_sys(x->e, "%s", name);
    }
    r = compare_stat(x, name, &t, &st);
    if (r >= 0 && t.type != TAR_DIR)
        r = compare_links(x, name, i, &st);
    if (r >= 0 && x->privileged)
        r = compare_xattrs(x, dir, name, &t);
    if (r < 0)
        return r;
    if (t.type == TAR_REG)
        return compare_content(x, dir, name, &t, x->tar_fds[i->layer]);
    return t.type == TAR_SYMLINK ? compare_link(x, dir, name, &t) : 0;
}

static int count_name(void *arg, const char *name, unsigned char type)
{
    ++*(uint64_t *)arg;
    return 0;
}

/* Has the folder at hand as many names as the node? */
static int compare_count(const struct comparer *x, int dir, uint32_t node)
{
    uint64_t n_tree = 0, n_folder = 0;
    int r = fs_each(dir, ".", count_name, &n_folder, x->e);

    for (uint32_t k = tree_first(x->t, node); k != TREE_NONE; k = tree_next(x->t, k))
        n_tree++;
    if (r >= 0 && (x->privileged ? n_folder != n_tree : n_folder > n_tree))
        r = err_set(x->e, SHALE_CORRUPT, "a folder holds names that the layers do not have");
    return r;
}

static int compare_below(const struct comparer *x, struct folder_walk *f)
{
    const struct tree *t = x->t;
    uint32_t at = TREE_ROOT, k = tree_first(t, at);
    int r = compare_count(x, f->fd, at);

    while (r >= 0) {
        if (k == TREE_NONE) { /* `at` is done */
            if (at == TREE_ROOT)
                return 0;
            r = folder_walk_leave(f, x->e);
            k = tree_next(t, at);
            at = t->nodes[at].parent;
            continue;
        }
        char name[TAR_MAX_NAME_BYTES + 1];
        memcpy(name, t->nodes[k].name, t->nodes[k].name_n);
        name[t->nodes[k].name_n] = 0;
        r = compare_node(x, f->fd, name, t->nodes[k].inode);
        if (r >= 0 && tree_is_dir(t, k)) {
            r = folder_walk_enter(f, name, x->e);
            if (r >= 0)
                r = compare_count(x, f->fd, k);
            at = k;
            k = tree_first(t, k);
        } else {
            k = tree_next(t, k);
        }
    }
    return r;
}

int dir_compare(struct tree *t, const int *tar_fds, int folder_fd, struct cancel *c,
                struct shale_err *e)
{
    struct comparer x = {.t = t,
                         .tar_fds = tar_fds,
                         .c = c,
                         .e = e,
                         .block = mem_alloc(2 * READ_BYTES),
                         .privileged = is_privileged()};
    struct folder_walk f = {.fd = -1};
    int r = x.block ? folder_walk_begin(&f, folder_fd, e) : err_nomem(e);

    if (r >= 0)
        r = compare_node(&x, folder_fd, ".", t->nodes[TREE_ROOT].inode);
    if (r >= 0)
        r = compare_below(&x, &f);
    folder_walk_end(&f);
    free(x.block);
    return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Is a folder still what the layers say? */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/sys.h"
#include "rootfs/driver_priv.h"

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

static int compare_content(const struct comparer *x, int dir, const char *name,
                           const struct tar_entry *t, int tar)
{
    _cleanup_close_ int fd = sys_openat(dir, name, O_RDONLY | O_NOFOLLOW, 0);
    int r = 0;

    if (fd < 0)
        return err_sys(x->e, "%s", name);
    if (!t->sparse)
        return compare_run(x, name, fd, 0, tar, t->data_offset, t->size_bytes);
    for (size_t i = 0; r >= 0 && i < t->n_extents; i++)
        r = compare_run(x, name, fd, t->extents[i].file_offset, tar, t->extents[i].data_offset,
                        t->extents[i].n_bytes);
    return r;
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

static int compare_node(const struct comparer *x, int dir, const char *name, uint32_t inode)
{
    static const mode_t kinds[] = {
        [TAR_REG] = S_IFREG,      [TAR_SYMLINK] = S_IFLNK, [TAR_CHAR] = S_IFCHR,
        [TAR_BLOCKDEV] = S_IFBLK, [TAR_DIR] = S_IFDIR,     [TAR_FIFO] = S_IFIFO};
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
    if ((st.st_mode & S_IFMT) != kinds[t.type])
        return differs(x, name, "type");
    if (t.type != TAR_SYMLINK && (st.st_mode & 07777) != t.mode)
        return differs(x, name, "mode");
    if (x->privileged && (st.st_uid != t.uid || st.st_gid != t.gid))
        return differs(x, name, "owner");
    if (st.st_mtim.tv_sec != t.mtime_s || st.st_mtim.tv_nsec != t.mtime_ns)
        return differs(x, name, "time");
    if (t.type == TAR_REG && (uint64_t)st.st_size != t.size_bytes)
        return differs(x, name, "size");
    if (t.type == TAR_REG)
        return compare_content(x, dir, name, &t, x->tar_fds[x->t->inodes[inode].layer]);
    return t.type == TAR_SYMLINK ? compare_link(x, dir, name, &t) : 0;
}

static int count_name(void *arg, const char *name, unsigned char type)
{
    ++*(uint64_t *)arg;
    return 0;
}

static int compare_folder(const struct comparer *x, int dir, uint32_t node)
{
    uint64_t n_tree = 0, n_folder = 0;
    int r = 0;

    for (uint32_t k = tree_first(x->t, node); r >= 0 && k != TREE_NONE;
         k = tree_next(x->t, k), n_tree++) {
        char name[TAR_MAX_NAME_BYTES + 1];
        memcpy(name, x->t->nodes[k].name, x->t->nodes[k].name_n);
        name[x->t->nodes[k].name_n] = 0;
        r = compare_node(x, dir, name, x->t->nodes[k].inode);
        if (r < 0 || !tree_is_dir(x->t, k))
            continue;
        _cleanup_close_ int fd = sys_openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        r = fd < 0 ? err_sys(x->e, "%s", name) : compare_folder(x, fd, k);
    }
    if (r >= 0)
        r = fs_each(dir, ".", count_name, &n_folder, x->e);
    if (r >= 0 && (x->privileged ? n_folder != n_tree : n_folder > n_tree))
        r = err_set(x->e, SHALE_CORRUPT, "a folder holds names that the layers do not have");
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
    int r = x.block ? compare_node(&x, folder_fd, ".", t->nodes[TREE_ROOT].inode) : err_nomem(e);

    if (r >= 0)
        r = compare_folder(&x, folder_fd, TREE_ROOT);
    free(x.block);
    return r;
}

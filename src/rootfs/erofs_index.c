/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/erofs_index.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "rootfs/erofs_format.h"
#include "rootfs/erofs_xattr.h"

/* An index up to this size is read as a whole. One that is mapped and cannot be read, or is cut off
 * meanwhile, is a signal that ends the process: only where it is too large for anything else. */
#define READ_BYTES (8u << 20)

struct erofs_index {
    char *p;
    bool is_mapped;
    uint64_t n, meta_bytes; /* where the inodes begin */
    uint64_t root;
};

struct dirents { /* of one block */
    struct str block;
    size_t n;
};

static int damaged(struct shale_err *e)
{
    return err_set(e, SHALE_CORRUPT, "the index of an image is damaged");
}

static int load(int fd, struct erofs_index *x, struct shale_err *e)
{
    size_t got;

    x->is_mapped = x->n > READ_BYTES;
    if (x->is_mapped) {
        void *p = mmap(NULL, x->n, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            return err_sys(e, "map an index");
        x->p = p;
        return 0;
    }
    x->p = mem_alloc(x->n);
    if (!x->p)
        return err_nomem(e);
    if (sys_pread_full(fd, x->p, x->n, 0, &got) < 0)
        return err_sys(e, "read an index");
    return got == x->n ? 0 : damaged(e);
}

int erofs_index_open(int fd, struct erofs_index **ret, struct shale_err *e)
{
    struct erofs_super s;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_sys(e, "index");
    if (st.st_size < (off_t)(EROFS_SUPER_OFFSET + sizeof s))
        return damaged(e);
    struct erofs_index *x = mem_alloc(sizeof *x);
    if (!x)
        return err_nomem(e);
    *x = (struct erofs_index){.n = (uint64_t)st.st_size};
    int r = load(fd, x, e);
    if (r >= 0) {
        memcpy(&s, x->p + EROFS_SUPER_OFFSET, sizeof s);
        x->meta_bytes = (uint64_t)s.meta_blkaddr * EROFS_BLOCK;
        x->root = s.root_nid;
        r = s.magic == EROFS_MAGIC && s.block_bits == EROFS_BLOCK_BITS ? 0 : damaged(e);
    }
    if (r < 0)
        erofs_index_close(x);
    else
        *ret = x;
    return r;
}

struct erofs_index *erofs_index_close(struct erofs_index *x)
{
    if (!x)
        return NULL;
    if (!x->is_mapped)
        free(x->p);
    else if (x->p)
        munmap(x->p, x->n);
    free(x);
    return NULL;
}

uint64_t erofs_index_root(const struct erofs_index *x)
{
    return x->root;
}

/* ---- inodes ---- */

static bool slice(const struct erofs_index *x, uint64_t at, uint64_t n, struct str *ret)
{
    if (at > x->n || n > x->n - at)
        return false;
    *ret = (struct str){x->p + at, (size_t)n};
    return true;
}

static uint64_t inode_offset(const struct erofs_index *x, uint64_t nid)
{
    return nid > UINT32_MAX ? UINT64_MAX : x->meta_bytes + (nid << EROFS_NID_BITS);
}

static bool read_inode(const struct erofs_index *x, uint64_t nid, struct erofs_inode *ret)
{
    struct str s;

    if (!slice(x, inode_offset(x, nid), sizeof *ret, &s))
        return false;
    memcpy(ret, s.p, sizeof *ret);
    /* Of the short form nothing is written. */
    return ret->format & EROFS_INODE_EXTENDED;
}

/* Attributes follow the inode. */
static uint64_t xattr_bytes(const struct erofs_inode *i)
{
    return i->xattr_icount ? sizeof(struct erofs_xattr_body) +
                                 (i->xattr_icount - 1u) * sizeof(struct erofs_xattr_entry)
                           : 0;
}

int erofs_index_stat(const struct erofs_index *x, uint64_t nid, struct stat *ret,
                     struct shale_err *e)
{
    struct erofs_inode i;

    if (!read_inode(x, nid, &i))
        return damaged(e);
    *ret = (struct stat){.st_ino = nid,
                         .st_mode = i.mode,
                         .st_nlink = i.nlink,
                         .st_uid = i.uid,
                         .st_gid = i.gid,
                         .st_size = (off_t)i.size,
                         .st_mtim = {.tv_sec = (time_t)i.mtime, .tv_nsec = i.mtime_ns}};
    if (S_ISCHR(i.mode) || S_ISBLK(i.mode))
        ret->st_rdev = makedev(i.u >> 8 & 0xfff, (i.u & 0xff) | (i.u >> 12 & ~0xffu));
    return 1;
}

size_t erofs_index_xattr(const struct erofs_index *x, uint64_t nid, const char *attr, void *ret,
                         size_t n)
{
    struct erofs_inode i;
    struct str all;

    if (!read_inode(x, nid, &i) ||
        !slice(x, inode_offset(x, nid) + sizeof i, xattr_bytes(&i), &all))
        return 0;
    return erofs_xattrs_find(all, attr, ret, n);
}

/* ---- folders: blocks of dirents with their names behind them, in order of names ---- */

static int folder_bytes(const struct erofs_index *x, uint64_t nid, struct str *ret,
                        struct shale_err *e)
{
    struct erofs_inode i;
    uint64_t at;

    if (!read_inode(x, nid, &i) || !S_ISDIR(i.mode))
        return damaged(e);
    if (i.format == EROFS_LAYOUT(EROFS_FLAT_INLINE))
        at = inode_offset(x, nid) + sizeof i + xattr_bytes(&i);
    else if (i.format == EROFS_LAYOUT(EROFS_FLAT_PLAIN))
        at = (uint64_t)i.u * EROFS_BLOCK;
    else
        return damaged(e);
    return slice(x, at, i.size, ret) ? 0 : damaged(e);
}

static size_t n_blocks(struct str folder)
{
    return (folder.n + EROFS_BLOCK - 1) / EROFS_BLOCK;
}

static struct erofs_dirent dirent_at(const struct dirents *d, size_t i)
{
    struct erofs_dirent x;

    memcpy(&x, d->block.p + i * sizeof x, sizeof x);
    return x;
}

/* The first name begins where the dirents end. */
static bool open_block(struct str folder, size_t k, struct dirents *ret)
{
    size_t at = k * EROFS_BLOCK, n = folder.n - at;

    ret->block = (struct str){folder.p + at, n < EROFS_BLOCK ? n : EROFS_BLOCK};
    if (ret->block.n < sizeof(struct erofs_dirent))
        return false;
    size_t first = dirent_at(ret, 0).name_offset;
    ret->n = first / sizeof(struct erofs_dirent);
    return ret->n > 0 && first % sizeof(struct erofs_dirent) == 0 && first <= ret->block.n;
}

/* The last name of a block ends with zeros, or with it. */
static bool name_at(const struct dirents *d, size_t i, struct str *ret)
{
    size_t from = dirent_at(d, i).name_offset;
    size_t to = i + 1 < d->n ? dirent_at(d, i + 1).name_offset : d->block.n;

    if (from < d->n * sizeof(struct erofs_dirent) || from >= to || to > d->block.n)
        return false;
    *ret = (struct str){d->block.p + from, strnlen(d->block.p + from, to - from)};
    return ret->n > 0;
}

static int compare(struct str a, struct str b)
{
    int r = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return r ? r : (a.n > b.n) - (a.n < b.n);
}

/* The block whose first name is the last that does not come after this one. */
static int seek_block(struct str folder, struct str name, struct dirents *ret)
{
    size_t low = 0, high = n_blocks(folder);
    struct dirents d;
    struct str first;

    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (!open_block(folder, mid, &d) || !name_at(&d, 0, &first))
            return -1;
        if (compare(first, name) <= 0)
            low = mid;
        else
            high = mid;
    }
    return open_block(folder, low, ret) ? 0 : -1;
}

int erofs_index_find(const struct erofs_index *x, uint64_t dir, const char *name, uint64_t *ret,
                     struct shale_err *e)
{
    struct str folder, want = str_of(name), got;
    struct dirents d;
    int r = folder_bytes(x, dir, &folder, e);

    if (r < 0 || folder.n == 0)
        return r;
    if (seek_block(folder, want, &d) < 0)
        return damaged(e);
    for (size_t i = 0; i < d.n; i++) {
        if (!name_at(&d, i, &got))
            return damaged(e);
        int order = compare(got, want);
        if (order > 0)
            break;
        if (order == 0) {
            *ret = dirent_at(&d, i).nid;
            return 1;
        }
    }
    return 0;
}

/* last: the name before, also of the block before; kept up to date. */
static int each_of_block(const struct dirents *d, struct str *last,
                         int (*f)(void *arg, const char *name, unsigned char d_type), void *arg,
                         struct shale_err *e)
{
    static const unsigned char types[] = {
        [EROFS_FT_REG] = DT_REG, [EROFS_FT_DIR] = DT_DIR,   [EROFS_FT_CHR] = DT_CHR,
        [EROFS_FT_BLK] = DT_BLK, [EROFS_FT_FIFO] = DT_FIFO, [EROFS_FT_SOCK] = DT_SOCK,
        [EROFS_FT_LNK] = DT_LNK,
    };
    char name[NAME_MAX + 1];
    struct str s;
    int r = 0;

    for (size_t i = 0; r == 0 && i < d->n; i++) {
        size_t type = dirent_at(d, i).type;
        if (!name_at(d, i, &s) || s.n >= sizeof name || type == 0 || type >= ARRAY_SIZE(types) ||
            memchr(s.p, '/', s.n) || (last->n && compare(*last, s) >= 0))
            return damaged(e);
        *last = s;
        if (str_eq(s, STR(".")) || str_eq(s, STR("..")))
            continue;
        memcpy(name, s.p, s.n);
        name[s.n] = 0;
        r = f(arg, name, types[type]);
    }
    return r;
}

int erofs_index_each(const struct erofs_index *x, uint64_t dir,
                     int (*f)(void *arg, const char *name, unsigned char d_type), void *arg,
                     struct shale_err *e)
{
    struct str folder, last = {NULL, 0};
    struct dirents d;
    int r = folder_bytes(x, dir, &folder, e);

    for (size_t k = 0; r == 0 && k < n_blocks(folder); k++)
        r = open_block(folder, k, &d) ? each_of_block(&d, &last, f, arg, e) : damaged(e);
    return r;
}

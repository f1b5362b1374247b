/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/erofs_write.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "rootfs/erofs_format.h"
#include "rootfs/erofs_xattr.h"

#define FLUSH_BYTES  (256u << 10)
#define BUFFER_MAX   (FLUSH_BYTES + (8u << 20))
#define COPY_BYTES   (256u << 10)
#define CANCEL_EVERY 4096

struct place {     /* where an inode and its data lie */
    uint32_t unit; /* of the inode, 32 bytes each, from the start of the meta area */
    uint32_t
        block; /* of data that is not inline, relative to the data area; of a side file otherwise */
    bool has_block;
};

struct writer {
    struct tree *t;
    const struct erofs_layer *layers;
    size_t n_layers;
    int fd, side_fd;
    struct cancel *c;
    struct shale_err *e;
    struct spill in_places;
    struct place *places; /* by inode; lie in in_places */
    uint64_t meta_bytes, data_blocks, side_bytes;
    uint32_t meta_block; /* first block of the meta area */
    struct buf out;
    uint64_t written;
    uint64_t n_visited;
    struct erofs_xattrs xattrs; /* of the inode at hand */
};

/* ---- output ---- */

static int flush(struct writer *w)
{
    int r = buf_check(&w->out, w->e);

    if (r >= 0 && sys_write_all(w->fd, w->out.p, w->out.n) < 0)
        r = err_sys(w->e, "index");
    w->written += w->out.n;
    buf_reset(&w->out);
    return r;
}

static int put(struct writer *w, const void *p, size_t n)
{
    buf_add(&w->out, p, n);
    return w->out.n >= FLUSH_BYTES ? flush(w) : 0;
}

static int pad_to(struct writer *w, uint64_t offset)
{
    static const char zeros[EROFS_BLOCK];
    int r = 0;

    while (r >= 0 && w->written + w->out.n < offset) {
        uint64_t n = offset - w->written - w->out.n;
        r = put(w, zeros, n < sizeof zeros ? (size_t)n : sizeof zeros);
    }
    return r;
}

/* ---- sizes of directories ---- */

static void pace(struct writer *w, uint32_t node)
{
    if (tree_pace(w->t, node))
        spill_let_go(&w->in_places);
}

struct packer { /* dirents fill blocks: entries from the front, names from behind them */
    uint64_t full_blocks;
    size_t used, count;
};

static void pack(struct packer *p, size_t name_n)
{
    if (p->used + sizeof(struct erofs_dirent) + name_n > EROFS_BLOCK) {
        p->full_blocks++;
        p->used = 0;
    }
    p->used += sizeof(struct erofs_dirent) + name_n;
}

struct dir_walk { /* "." and ".." among the children, in order of name */
    const struct tree *t;
    uint32_t dir, child;
    int dots; /* of the two, how many have been given */
};

/* Is a child's name before "." (or "..")? */
static bool before_dot(const struct tree_node *n, const char *dot)
{
    size_t dot_n = strlen(dot), k = n->name_n < dot_n ? n->name_n : dot_n;
    int r = memcmp(n->name, dot, k);

    return r < 0 || (r == 0 && n->name_n < dot_n);
}

static bool dir_next(struct dir_walk *d, struct str *ret_name, uint32_t *ret_node)
{
    static const char *const dots[] = {".", ".."};

    if (d->dots < 2 &&
        (d->child == TREE_NONE || !before_dot(&d->t->nodes[d->child], dots[d->dots]))) {
        *ret_name = str_of(dots[d->dots]);
        *ret_node = d->dots == 0 ? d->dir : d->t->nodes[d->dir].parent;
        d->dots++;
        return true;
    }
    if (d->child == TREE_NONE)
        return false;
    *ret_name = (struct str){d->t->nodes[d->child].name, d->t->nodes[d->child].name_n};
    *ret_node = d->child;
    d->child = tree_next(d->t, d->child);
    return true;
}

static struct dir_walk dir_begin(const struct tree *t, uint32_t node)
{
    return (struct dir_walk){t, node, tree_first(t, node), 0};
}

static uint64_t dir_bytes(struct writer *w, uint32_t node)
{
    struct dir_walk d = dir_begin(w->t, node);
    struct packer p = {0};
    struct str name;
    uint32_t child;

    while (dir_next(&d, &name, &child)) {
        pack(&p, name.n);
        pace(w, child);
    }
    return p.full_blocks * EROFS_BLOCK + p.used;
}

/* ---- pass 1: where everything goes ---- */

static int copy_run(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t n, char *block,
                    struct shale_err *e)
{
    while (n > 0) {
        size_t want = n < COPY_BYTES ? (size_t)n : COPY_BYTES, got;
        if (sys_pread_full(from, block, want, from_at, &got) < 0)
            return err_sys(e, "layer");
        if (got != want)
            return err_set(e, SHALE_CORRUPT, "a sparse file's data lies outside its layer");
        if (sys_pwrite_all(to, block, got, to_at) < 0)
            return err_sys(e, "sparse data");
        from_at += got;
        to_at += got;
        n -= got;
    }
    return 0;
}

/* A sparse member as one piece of the side file, holes and all. */
static int copy_sparse(struct writer *w, const struct tar_entry *x, uint16_t layer, struct place *p)
{
    _cleanup_free_ char *block = mem_alloc(COPY_BYTES);
    uint64_t base = w->side_bytes;
    int r = 0;

    if (!block)
        return err_nomem(w->e);
    if (x->size_bytes > (uint64_t)EROFS_BLOCK << EROFS_CHUNK_MAX_BITS)
        return err_set(w->e, SHALE_LIMIT, "a sparse file of more than 1 TiB");
    for (size_t i = 0; r >= 0 && i < x->n_extents; i++) {
        const struct tar_extent *t = &x->extents[i];
        if (t->file_offset > x->size_bytes || t->n_bytes > x->size_bytes - t->file_offset)
            return err_set(w->e, SHALE_CORRUPT, "a sparse file's map lies outside of it");
        r = copy_run(w->layers[layer].tar_fd, t->data_offset, w->side_fd, base + t->file_offset,
                     t->n_bytes, block, w->e);
    }
    w->side_bytes = (base + x->size_bytes + EROFS_BLOCK - 1) / EROFS_BLOCK * EROFS_BLOCK;
    if (w->side_bytes / EROFS_BLOCK > UINT32_MAX)
        return err_set(w->e, SHALE_LIMIT, "sparse files are too large together");
    if (r >= 0 && sys_ftruncate(w->side_fd, w->side_bytes) < 0)
        r = err_sys(w->e, "sparse data");
    p->block = (uint32_t)(base / EROFS_BLOCK);
    p->has_block = true;
    return r;
}

/* Bytes that follow the inode and its attributes: a chunk index, or data that may lie inline. */
static uint64_t content_bytes(struct writer *w, uint32_t node, const struct tar_entry *x)
{
    switch (x->type) {
    case TAR_DIR:
        return dir_bytes(w, node);
    case TAR_SYMLINK:
        return x->link.n;
    default:
        return 0;
    }
}

static int place_inode(struct writer *w, uint32_t node, uint32_t inode)
{
    struct place *p = &w->places[inode];
    struct tar_entry x;
    uint64_t at, bytes, size;
    int r = tree_entry(w->t, inode, &x, w->e);

    if (r >= 0)
        r = erofs_xattrs_encode(&w->xattrs, &x, w->e);
    if (r < 0)
        return r;
    size = sizeof(struct erofs_inode) + w->xattrs.out.n;
    at = w->meta_bytes;
    bytes = content_bytes(w, node, &x);
    if (x.type == TAR_REG && x.size_bytes > 0) {
        size = (size + 7) / 8 * 8 + sizeof(struct erofs_chunk);
        if (x.sparse)
            r = copy_sparse(w, &x, w->t->inodes[inode].layer, p);
    } else if (bytes > 0 && size + bytes <= EROFS_BLOCK) {
        if (at % EROFS_BLOCK + size + bytes > EROFS_BLOCK) /* inline data must not cross a block */
            at = (at + EROFS_BLOCK - 1) / EROFS_BLOCK * EROFS_BLOCK;
        size += bytes;
    } else if (bytes > 0) {
        p->block = (uint32_t)w->data_blocks;
        p->has_block = true;
        w->data_blocks += (bytes + EROFS_BLOCK - 1) / EROFS_BLOCK;
    }
    if (r < 0)
        return r;
    p->unit = (uint32_t)(at >> EROFS_NID_BITS);
    w->meta_bytes = (at + size + 31) / 32 * 32;
    if (w->meta_bytes / EROFS_BLOCK + w->data_blocks > INT32_MAX)
        return err_set(w->e, SHALE_LIMIT, "the index would be too large");
    return 0;
}

/* Calls f once for each inode, in the order of their numbers (which is the order of names). */
static int each_inode(struct writer *w, int (*f)(struct writer *w, uint32_t node, uint32_t inode))
{
    struct tree *t = w->t;
    uint32_t at = TREE_ROOT, seen = 0;

    for (;;) {
        uint32_t inode = t->nodes[at].inode;
        pace(w, at);
        if (t->inodes[inode].number > seen) {
            seen = t->inodes[inode].number;
            int r = w->n_visited++ % CANCEL_EVERY == 0 ? cancel_check(w->c, w->e) : 0;
            if (r >= 0)
                r = f(w, at, inode);
            if (r < 0)
                return r;
        }
        uint32_t child = tree_is_dir(t, at) ? tree_first(t, at) : TREE_NONE;
        if (child != TREE_NONE) {
            at = child;
            continue;
        }
        while (at != TREE_ROOT && tree_next(t, at) == TREE_NONE)
            at = t->nodes[at].parent;
        if (at == TREE_ROOT)
            return 0;
        at = tree_next(t, at);
    }
}

/* ---- pass 2: inodes ---- */

static const struct {
    mode_t mode;
    uint8_t ft;
} kinds[] = {
    [TAR_REG] = {S_IFREG, EROFS_FT_REG},  [TAR_SYMLINK] = {S_IFLNK, EROFS_FT_LNK},
    [TAR_CHAR] = {S_IFCHR, EROFS_FT_CHR}, [TAR_BLOCKDEV] = {S_IFBLK, EROFS_FT_BLK},
    [TAR_DIR] = {S_IFDIR, EROFS_FT_DIR},  [TAR_FIFO] = {S_IFIFO, EROFS_FT_FIFO},
};

static uint32_t data_start(const struct writer *w)
{
    return w->meta_block + (uint32_t)((w->meta_bytes + EROFS_BLOCK - 1) / EROFS_BLOCK);
}

/* Linux's on-disk form of a device number. */
static uint32_t encode_dev(uint32_t major, uint32_t minor)
{
    return (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~0xffu) << 12;
}

static int put_dir(struct writer *w, uint32_t node);

/* One chunk covers a whole file: the power of two of blocks that does. */
static unsigned chunk_bits(uint64_t size)
{
    unsigned bits = 0;

    while (bits < EROFS_CHUNK_MAX_BITS && (uint64_t)EROFS_BLOCK << bits < size)
        bits++;
    return bits;
}

static int put_chunk(struct writer *w, const struct tar_entry *x, uint16_t layer,
                     const struct place *p)
{
    static const char zeros[8];
    struct erofs_chunk chunk = {0};
    uint64_t at = w->written + w->out.n;

    if (x->sparse) {
        chunk.device = (uint16_t)(w->n_layers + 1);
        chunk.block = p->block;
    } else {
        uint64_t end = w->layers[layer].tar_bytes;
        if (x->data_offset % EROFS_BLOCK || x->data_offset > end ||
            x->size_bytes > end - x->data_offset || x->data_offset / EROFS_BLOCK > UINT32_MAX)
            return err_set(w->e, SHALE_CORRUPT, "%.*s: its data lies outside its layer",
                           (int)x->path.n, x->path.p);
        chunk.device = (uint16_t)(layer + 1);
        chunk.block = (uint32_t)(x->data_offset / EROFS_BLOCK);
    }
    int r = put(w, zeros, (8 - at % 8) % 8);
    return r < 0 ? r : put(w, &chunk, sizeof chunk);
}

/* Fills in what depends on the kind. Returns whether data follows inline. */
static bool fill_kind(const struct writer *w, const struct tar_entry *x, const struct place *p,
                      uint64_t bytes, struct erofs_inode *i)
{
    i->size = bytes;
    i->format = EROFS_LAYOUT(EROFS_FLAT_PLAIN);
    if (x->type == TAR_REG) {
        i->size = x->size_bytes;
        if (i->size > 0) {
            i->format = EROFS_LAYOUT(EROFS_CHUNK_BASED);
            i->u = EROFS_CHUNK_INDEXES | chunk_bits(i->size);
        }
        return false;
    }
    if (x->type == TAR_CHAR || x->type == TAR_BLOCKDEV) {
        i->u = encode_dev(x->dev_major, x->dev_minor);
        return false;
    }
    if (p->has_block) {
        i->u = data_start(w) + p->block;
        return false;
    }
    if (bytes > 0)
        i->format = EROFS_LAYOUT(EROFS_FLAT_INLINE);
    return bytes > 0;
}

static int put_inode(struct writer *w, uint32_t node, uint32_t inode)
{
    const struct tree_inode *ti = &w->t->inodes[inode];
    const struct place *p = &w->places[inode];
    struct tar_entry x;
    int r = tree_entry(w->t, inode, &x, w->e);

    if (r >= 0)
        r = erofs_xattrs_encode(&w->xattrs, &x, w->e);
    if (r >= 0)
        r = pad_to(w,
                   (uint64_t)w->meta_block * EROFS_BLOCK + ((uint64_t)p->unit << EROFS_NID_BITS));
    if (r < 0)
        return r;
    struct erofs_inode i = {
        .xattr_icount = w->xattrs.icount,
        .mode = (uint16_t)(kinds[ti->type].mode | (ti->type == TAR_SYMLINK ? 0777 : x.mode)),
        .ino = ti->number,
        .uid = x.uid,
        .gid = x.gid,
        .mtime = (uint64_t)x.mtime_s,
        .mtime_ns = x.mtime_ns,
        .nlink = ti->nlink,
    };
    bool is_inline = fill_kind(w, &x, p, content_bytes(w, node, &x), &i);
    r = put(w, &i, sizeof i);
    if (r >= 0)
        r = put(w, w->xattrs.out.p, w->xattrs.out.n);
    if (r < 0)
        return r;
    if (x.type == TAR_REG && x.size_bytes > 0)
        return put_chunk(w, &x, ti->layer, p);
    if (!is_inline)
        return 0;
    return x.type == TAR_DIR ? put_dir(w, node) : put(w, x.link.p, x.link.n);
}

/* ---- directories and long symlinks ---- */

struct dir_block {
    struct erofs_dirent v[EROFS_BLOCK / sizeof(struct erofs_dirent)];
    struct str names[EROFS_BLOCK / sizeof(struct erofs_dirent)];
    size_t n, used;
};

static int put_dir_block(struct writer *w, struct dir_block *b, bool full)
{
    size_t at = b->n * sizeof *b->v;
    uint64_t start = w->written + w->out.n;
    int r;

    for (size_t i = 0; i < b->n; i++) {
        b->v[i].name_offset = (uint16_t)at;
        at += b->names[i].n;
    }
    r = put(w, b->v, b->n * sizeof *b->v);
    for (size_t i = 0; r >= 0 && i < b->n; i++)
        r = put(w, b->names[i].p, b->names[i].n);
    b->n = b->used = 0;
    return r >= 0 && full ? pad_to(w, start + EROFS_BLOCK) : r;
}

static int put_dir(struct writer *w, uint32_t node)
{
    struct dir_walk d = dir_begin(w->t, node);
    struct dir_block b = {.n = 0};
    struct str name;
    uint32_t child;
    int r = 0;

    while (r >= 0 && dir_next(&d, &name, &child)) {
        size_t need = sizeof(struct erofs_dirent) + name.n;
        if (b.used + need > EROFS_BLOCK)
            r = put_dir_block(w, &b, true);
        uint32_t inode = w->t->nodes[child].inode;
        b.names[b.n] = name;
        b.v[b.n++] = (struct erofs_dirent){.nid = w->places[inode].unit,
                                           .type = kinds[w->t->inodes[inode].type].ft};
        b.used += need;
        pace(w, child);
    }
    return r < 0 ? r : put_dir_block(w, &b, false);
}

static int put_data(struct writer *w, uint32_t node, uint32_t inode)
{
    const struct place *p = &w->places[inode];
    struct tar_entry x;
    int r;

    if (!p->has_block || w->t->inodes[inode].type == TAR_REG)
        return 0;
    r = tree_entry(w->t, inode, &x, w->e);
    if (r >= 0)
        r = pad_to(w, ((uint64_t)data_start(w) + p->block) * EROFS_BLOCK);
    if (r < 0)
        return r;
    return x.type == TAR_DIR ? put_dir(w, node) : put(w, x.link.p, x.link.n);
}

/* ---- the front ---- */

static size_t n_devices(const struct writer *w)
{
    return w->n_layers + (w->side_bytes > 0);
}

static int put_front(struct writer *w)
{
    struct erofs_super s = {
        .magic = EROFS_MAGIC,
        .block_bits = EROFS_BLOCK_BITS,
        .root_nid = (uint16_t)w->places[w->t->nodes[TREE_ROOT].inode].unit,
        .inos = w->t->n_live_inodes,
        .blocks = data_start(w) + (uint32_t)w->data_blocks,
        .meta_blkaddr = w->meta_block,
        .volume_name = "shale",
        .feature_incompat = EROFS_INCOMPAT_CHUNKED | (n_devices(w) ? EROFS_INCOMPAT_DEVICES : 0),
        .extra_devices = (uint16_t)n_devices(w),
        .devt_slot = (EROFS_SUPER_OFFSET + sizeof(struct erofs_super)) / EROFS_DEVICE_SLOT,
    };
    int r = pad_to(w, EROFS_SUPER_OFFSET);

    if (r >= 0)
        r = put(w, &s, sizeof s);
    for (size_t i = 0; r >= 0 && i < n_devices(w); i++) {
        struct erofs_device d = {0};
        bool side = i == w->n_layers;
        uint64_t bytes = side ? w->side_bytes : w->layers[i].tar_bytes;
        if (bytes / EROFS_BLOCK >= UINT32_MAX)
            return err_set(w->e, SHALE_LIMIT, "a layer of more than 2 TiB");
        d.blocks = (uint32_t)((bytes + EROFS_BLOCK - 1) / EROFS_BLOCK);
        snprintf((char *)d.tag, sizeof d.tag, "%.63s",
                 side ? "sparse" : digest_hex(&w->layers[i].diff_id));
        r = put(w, &d, sizeof d);
    }
    return r;
}

static int write_all(struct writer *w)
{
    int r = each_inode(w, place_inode);

    if (r < 0)
        return r;
    w->meta_block = (uint32_t)((EROFS_SUPER_OFFSET + sizeof(struct erofs_super) +
                                n_devices(w) * EROFS_DEVICE_SLOT + EROFS_BLOCK - 1) /
                               EROFS_BLOCK);
    r = put_front(w);
    if (r >= 0)
        r = each_inode(w, put_inode);
    if (r >= 0)
        r = each_inode(w, put_data);
    /* the kernel reads whole pages */
    uint64_t end = ((uint64_t)data_start(w) + w->data_blocks) * EROFS_BLOCK;
    if (r >= 0)
        r = pad_to(w, (end + 4095) / 4096 * 4096);
    return r < 0 ? r : flush(w);
}

int erofs_write(struct tree *t, const struct erofs_layer *layers, size_t n_layers, int fd,
                int side_fd, uint64_t *ret_side_bytes, struct cancel *c, struct shale_err *e)
{
    struct writer w = {.t = t,
                       .layers = layers,
                       .n_layers = n_layers,
                       .fd = fd,
                       .side_fd = side_fd,
                       .c = c,
                       .e = e,
                       .out = BUF_INIT(BUFFER_MAX),
                       .in_places = SPILL_INIT,
                       .xattrs = ERO_XATTRS_INIT};
    int r = 0;

    if (n_layers >= UINT16_MAX - 1)
        return err_set(e, SHALE_LIMIT, "%zu layers", n_layers);
    if (spill_resize(&w.in_places, t->dirfd, t->n_inodes * sizeof *w.places) < 0)
        r = err_nomem(e);
    w.places = w.in_places.p;
    if (r >= 0)
        r = write_all(&w);
    spill_clear(&w.in_places);
    buf_clear(&w.out);
    buf_clear(&w.xattrs.out);
    if (r >= 0)
        *ret_side_bytes = w.side_bytes;
    return r;
}

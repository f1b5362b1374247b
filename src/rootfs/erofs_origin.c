/* SPDX-License-Identifier: Apache-2.0 */
/* Reads an index (erofs_format.h) for where the bytes of its files lie. */
#include "rootfs/erofs_origin.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"
#include "rootfs/erofs_format.h"

struct rootfs_origins {
    int fd;
    uint64_t meta_bytes; /* where the inodes begin */
    struct digest *layers;
    size_t n_layers;
};

/* All n bytes that lie there. */
static bool read_at(const struct rootfs_origins *o, uint64_t at, void *p, size_t n)
{
    size_t got;

    return at <= INT64_MAX - n && sys_pread_full(o->fd, p, n, at, &got) == 0 && got == n;
}

int erofs_origins_open(int fd, const struct rootfs_image *img, struct rootfs_origins **ret,
                       struct shale_err *e)
{
    struct rootfs_origins *o = mem_alloc(sizeof *o);
    struct erofs_super s;

    if (!o) {
        close(fd);
        return err_nomem(e);
    }
    *o = (struct rootfs_origins){.fd = fd, .n_layers = img->n_layers};
    o->layers = mem_array(img->n_layers + 1, sizeof *o->layers);
    int r = o->layers ? 0 : err_nomem(e);
    if (r >= 0 && (!read_at(o, EROFS_SUPER_OFFSET, &s, sizeof s) || s.magic != EROFS_MAGIC ||
                   s.block_bits != EROFS_BLOCK_BITS || s.extra_devices < img->n_layers))
        r = err_set(e, SHALE_CORRUPT, "an index is damaged");
    if (r < 0) {
        rootfs_origins_close(o);
        return r;
    }
    for (size_t i = 0; i < img->n_layers; i++)
        o->layers[i] = img->layers[i].diff_id;
    o->meta_bytes = (uint64_t)s.meta_blkaddr * EROFS_BLOCK;
    *ret = o;
    return 0;
}

/* Behind the inode and its attributes. */
static uint64_t chunk_offset(const struct erofs_inode *i)
{
    uint64_t n = sizeof *i;

    if (i->xattr_icount)
        n += sizeof(struct erofs_xattr_body) +
             (i->xattr_icount - 1u) * sizeof(struct erofs_xattr_entry);
    return (n + 7) / 8 * 8;
}

bool rootfs_origin(const struct rootfs_origins *o, uint64_t ino, uint64_t size_bytes,
                   struct rootfs_origin *ret)
{
    struct erofs_chunk c;
    struct erofs_inode i;

    if (ino > UINT32_MAX)
        return false;
    uint64_t at = o->meta_bytes + (ino << EROFS_NID_BITS);
    if (!read_at(o, at, &i, sizeof i) || !S_ISREG(i.mode) || size_bytes == 0 ||
        i.size != size_bytes || i.format != EROFS_LAYOUT(EROFS_CHUNK_BASED) ||
        !(i.u & EROFS_CHUNK_INDEXES) || !read_at(o, at + chunk_offset(&i), &c, sizeof c))
        return false;
    if (c.device == 0 || c.device > o->n_layers) /* the last one is that of sparse files */
        return false;
    *ret = (struct rootfs_origin){&o->layers[c.device - 1], (uint64_t)c.block * EROFS_BLOCK};
    return true;
}

struct rootfs_origins *rootfs_origins_close(struct rootfs_origins *o)
{
    if (!o)
        return NULL;
    close(o->fd);
    free(o->layers);
    free(o);
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/toc.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/sys.h"

/* The file: magic, records (each a multiple of 8 bytes), trailer. Numbers are the machine's: a
 * cache does not travel. */
#define TOC_MAGIC   "SHALTOC1"
#define TOC_END     "SHALEND1"
#define FLUSH_BYTES (64u << 10)
#define RECORD_MAX_BYTES                                                                           \
    (sizeof(struct record) + 2 * (TAR_MAX_PATH_BYTES + 1) +                                        \
     TAR_MAX_XATTRS * (sizeof(struct xattr_head) + 256 + TAR_MAX_XATTR_BYTES + 8) +                \
     TAR_MAX_EXTENTS * sizeof(struct tar_extent) + 64)

struct record {
    uint32_t n_bytes; /* of the whole record */
    uint8_t type, sparse;
    uint16_t n_xattrs;
    uint32_t mode, uid, gid, mtime_ns;
    int64_t mtime_s;
    uint32_t dev_major, dev_minor;
    uint64_t size_bytes, data_offset, stored_bytes;
    uint32_t path_n, link_n, n_extents, unused;
    /* path NUL link NUL, then aligned to 8: extents; then per attribute: head, name NUL, value,
     * aligned to 8 */
};
struct xattr_head {
    uint32_t name_n, value_n;
};
struct trailer {
    uint64_t n_entries, content_bytes, file_bytes;
    char magic[8];
};

static size_t align8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* ---- writing ---- */

struct toc_writer {
    int fd;        /* -1: it only counts */
    bool compares; /* with what the file holds, instead of writing it */
    bool differs;
    struct buf b; /* not yet written */
    uint64_t written;
    struct toc_stats stats;
};

static struct toc_writer *new_writer(void)
{
    struct toc_writer *w = mem_alloc(sizeof *w);

    if (!w)
        return NULL;
    w->fd = -1;
    buf_init(&w->b, FLUSH_BYTES + RECORD_MAX_BYTES);
    buf_add(&w->b, TOC_MAGIC, 8);
    return w;
}

static int open_writer(int dirfd, const char *name, bool compares, struct toc_writer **ret,
                       struct shale_err *e)
{
    struct toc_writer *w = new_writer();

    if (!w)
        return err_nomem(e);
    w->compares = compares;
    w->fd = compares ? sys_openat(dirfd, name, O_RDONLY | O_NOFOLLOW, 0)
                     : sys_openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (w->fd < 0) {
        int r = err_sys(e, "%s", name);
        toc_writer_free(w);
        return r;
    }
    *ret = w;
    return 0;
}

int toc_count(struct toc_writer **ret, struct shale_err *e)
{
    struct toc_writer *w = new_writer();

    if (!w)
        return err_nomem(e);
    *ret = w;
    return 0;
}

int toc_create(int dirfd, const char *name, struct toc_writer **ret, struct shale_err *e)
{
    return open_writer(dirfd, name, false, ret, e);
}

int toc_compare(int dirfd, const char *name, struct toc_writer **ret, struct shale_err *e)
{
    return open_writer(dirfd, name, true, ret, e);
}

static void pad8(struct buf *b)
{
    static const char zeros[8];

    buf_add(b, zeros, align8(b->n) - b->n);
}

static int damaged(struct shale_err *e)
{
    return err_set(e, SHALE_CORRUPT, "damaged table of contents");
}

/* Is what is at hand in the file too? */
static int compare(struct toc_writer *w, struct shale_err *e)
{
    char block[4096];
    size_t n;

    for (size_t at = 0; !w->differs && at < w->b.n; at += n) {
        size_t want = w->b.n - at < sizeof block ? w->b.n - at : sizeof block;
        if (sys_read_full(w->fd, block, want, &n) < 0)
            return err_sys(e, "table of contents");
        w->differs = n != want || memcmp(block, w->b.p + at, n) != 0;
    }
    return 0;
}

static int flush(struct toc_writer *w, struct shale_err *e)
{
    int r = buf_check(&w->b, e);

    if (r >= 0 && w->compares)
        r = compare(w, e);
    else if (r >= 0 && w->fd >= 0 && sys_write_all(w->fd, w->b.p, w->b.n) < 0)
        r = err_sys(e, "table of contents");
    if (r < 0)
        return r;
    w->written += w->b.n;
    buf_reset(&w->b);
    return 0;
}

int toc_add(void *toc_writer, const struct tar_entry *t, struct shale_err *e)
{
    struct toc_writer *w = toc_writer;
    struct buf *b = &w->b;
    size_t start = b->n;
    struct record r = {
        .type = (uint8_t)t->type,
        .sparse = t->sparse,
        .n_xattrs = (uint16_t)t->n_xattrs,
        .mode = t->mode,
        .uid = t->uid,
        .gid = t->gid,
        .mtime_ns = t->mtime_ns,
        .mtime_s = t->mtime_s,
        .dev_major = t->dev_major,
        .dev_minor = t->dev_minor,
        .size_bytes = t->size_bytes,
        .data_offset = t->data_offset,
        .stored_bytes = t->stored_bytes,
        .path_n = (uint32_t)t->path.n,
        .link_n = (uint32_t)t->link.n,
        .n_extents = (uint32_t)t->n_extents,
    };

    buf_add(b, &r, sizeof r);
    buf_add(b, t->path.p, t->path.n);
    buf_addc(b, 0);
    buf_add(b, t->link.p, t->link.n);
    buf_addc(b, 0);
    pad8(b);
    buf_add(b, t->extents, t->n_extents * sizeof *t->extents);
    for (size_t i = 0; i < t->n_xattrs; i++) {
        struct xattr_head h = {(uint32_t)strlen(t->xattrs[i].name),
                               (uint32_t)t->xattrs[i].value_bytes};
        buf_add(b, &h, sizeof h);
        buf_add(b, t->xattrs[i].name, h.name_n + 1);
        buf_add(b, t->xattrs[i].value, h.value_n);
        pad8(b);
    }
    int k = buf_check(b, e);
    if (k < 0)
        return k;
    ((struct record *)(void *)(b->p + start))->n_bytes = (uint32_t)(b->n - start);
    w->stats.n_entries++;
    if (t->type == TAR_REG)
        w->stats.content_bytes += t->size_bytes;
    return b->n >= FLUSH_BYTES ? flush(w, e) : 0;
}

int toc_finish(struct toc_writer *w, struct toc_stats *ret, struct shale_err *e)
{
    struct trailer t = {.n_entries = w->stats.n_entries, .content_bytes = w->stats.content_bytes};

    t.file_bytes = w->written + w->b.n + sizeof t;
    memcpy(t.magic, TOC_END, sizeof t.magic);
    buf_add(&w->b, &t, sizeof t);
    int r = flush(w, e);
    if (r < 0)
        return r;
    struct stat st; /* nothing may follow */
    if (w->compares &&
        (w->differs || fstat(w->fd, &st) < 0 || (uint64_t)st.st_size != t.file_bytes))
        return damaged(e);
    *ret = w->stats;
    return 0;
}

struct toc_writer *toc_writer_free(struct toc_writer *w)
{
    if (!w)
        return NULL;
    if (w->fd >= 0)
        close(w->fd);
    buf_clear(&w->b);
    free(w);
    return NULL;
}

/* ---- reading ---- */

struct toc {
    const char *p; /* mapped */
    size_t n;
    size_t end; /* of the records */
    struct toc_stats stats;
    struct tar_xattr xattrs[TAR_MAX_XATTRS];
};

/* n bytes, none of them NUL, and a NUL. The room for all is checked. */
static bool is_text(const char *p, size_t n)
{
    return p[n] == 0 && !memchr(p, 0, n);
}

static int check_frame(struct toc *t, struct shale_err *e)
{
    struct trailer end;

    if (t->n < 8 + sizeof end || t->n % 8 != 0 || memcmp(t->p, TOC_MAGIC, 8) != 0)
        return damaged(e);
    memcpy(&end, t->p + t->n - sizeof end, sizeof end);
    if (memcmp(end.magic, TOC_END, sizeof end.magic) != 0 || end.file_bytes != t->n)
        return damaged(e);
    t->end = t->n - sizeof end;
    if (end.n_entries > t->n / sizeof(struct record))
        return damaged(e);
    t->stats = (struct toc_stats){end.n_entries, end.content_bytes};
    return 0;
}

int toc_open(int dirfd, const char *name, struct toc **ret, struct shale_err *e)
{
    _cleanup_close_ int fd = sys_openat(dirfd, name, O_RDONLY, 0);
    struct stat st;
    struct toc *t;

    if (fd < 0)
        return err_sys(e, "%s", name);
    if (fstat(fd, &st) < 0)
        return err_sys(e, "%s", name);
    if (st.st_size <= 0)
        return damaged(e);
    t = mem_alloc(sizeof *t);
    if (!t)
        return err_nomem(e);
    t->n = (size_t)st.st_size;
    void *p = mmap(NULL, t->n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        int r = err_sys(e, "%s", name);
        free(t);
        return r;
    }
    t->p = p;
    int r = check_frame(t, e);
    if (r < 0) {
        toc_close(t);
        return r;
    }
    *ret = t;
    return 0;
}

void toc_stats(const struct toc *t, struct toc_stats *ret)
{
    *ret = t->stats;
}

void toc_trim(const struct toc *t)
{
    (void)madvise((void *)t->p, t->n, MADV_DONTNEED);
}

struct toc *toc_close(struct toc *t)
{
    if (!t)
        return NULL;
    munmap((void *)t->p, t->n);
    free(t);
    return NULL;
}

/* Attributes at p, at most up to end. */
static int read_xattrs(struct toc *t, const struct record *r, const char *p, const char *end,
                       struct shale_err *e)
{
    for (size_t i = 0; i < r->n_xattrs; i++) {
        struct xattr_head h;
        if ((size_t)(end - p) < sizeof h)
            return damaged(e);
        memcpy(&h, p, sizeof h);
        p += sizeof h;
        size_t need = (size_t)h.name_n + 1 + h.value_n;
        if (h.name_n > TAR_MAX_PATH_BYTES || h.value_n > TAR_MAX_XATTR_BYTES ||
            (size_t)(end - p) < need || !is_text(p, h.name_n))
            return damaged(e);
        t->xattrs[i] = (struct tar_xattr){p, p + h.name_n + 1, h.value_n};
        size_t step = align8(sizeof h + need) - sizeof h;
        if (step > (size_t)(end - p))
            return damaged(e);
        p += step;
    }
    return 0;
}

int toc_next(struct toc *t, uint64_t *pos, struct tar_entry *ret, struct shale_err *e)
{
    uint64_t at = *pos ? *pos : 8;
    const struct record *r = (const struct record *)(const void *)(t->p + at);

    if (at == t->end)
        return 0;
    if (at > t->end || at % 8 || t->end - at < sizeof *r || r->n_bytes % 8 ||
        r->n_bytes < sizeof *r || r->n_bytes > t->end - at)
        return damaged(e);
    const char *p = (const char *)(r + 1), *end = (const char *)r + r->n_bytes;
    uint64_t texts = (uint64_t)r->path_n + r->link_n + 2;
    uint64_t fixed = align8(sizeof *r + texts);
    if (r->path_n > TAR_MAX_PATH_BYTES || r->link_n > TAR_MAX_PATH_BYTES || r->type > TAR_FIFO ||
        r->mtime_ns >= 1000000000 || r->n_xattrs > TAR_MAX_XATTRS ||
        r->n_extents > TAR_MAX_EXTENTS || fixed > r->n_bytes || !is_text(p, r->path_n) ||
        !is_text(p + r->path_n + 1, r->link_n) ||
        (r->n_bytes - fixed) / sizeof(struct tar_extent) < r->n_extents)
        return damaged(e);
    const struct tar_extent *extents = (const void *)((const char *)r + fixed);
    int k = read_xattrs(t, r, (const char *)(extents + r->n_extents), end, e);
    if (k < 0)
        return k;
    *ret = (struct tar_entry){
        .type = (enum tar_type)r->type,
        .path = {p, r->path_n},
        .link = {p + r->path_n + 1, r->link_n},
        .mode = r->mode & 07777,
        .uid = r->uid,
        .gid = r->gid,
        .mtime_s = r->mtime_s,
        .mtime_ns = r->mtime_ns,
        .dev_major = r->dev_major,
        .dev_minor = r->dev_minor,
        .size_bytes = r->size_bytes,
        .data_offset = r->data_offset,
        .stored_bytes = r->stored_bytes,
        .xattrs = t->xattrs,
        .n_xattrs = r->n_xattrs,
        .extents = extents,
        .n_extents = r->n_extents,
        .sparse = r->sparse != 0,
    };
    *pos = at + r->n_bytes;
    return 1;
}

int toc_each(struct toc *t, tar_entry_fn f, void *arg, struct shale_err *e)
{
    struct tar_entry entry;
    uint64_t pos = 0;
    int r;

    while ((r = toc_next(t, &pos, &entry, e)) == 1) {
        r = f(arg, &entry, e);
        if (r != 0)
            return r;
    }
    return r;
}

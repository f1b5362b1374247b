/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "archive/archive_priv.h"
#include "base/cleanup.h"
#include "base/inroot.h"
#include "base/mem.h"
#include "base/sys.h"

#define BLOCK_BYTES (256u << 10)

static struct reading *self(struct source *s)
{
    return (struct reading *)s;
}

static void path_of(const struct digest *d, char *ret, size_t n)
{
    snprintf(ret, n, "blobs/%s/%s", digest_alg_name(digest_alg(d)), digest_hex(d));
}

static int absent(const struct digest *d, struct shale_err *e)
{
    return err_set(e, SHALE_NOT_FOUND, "the archive has no blob %s, which its image needs", d->s);
}

static int src_manifest(struct source *s, const char *name, struct buf *b, struct arena *a,
                        struct descriptor *ret, struct cancel *c, struct shale_err *e)
{
    const struct alias *made;
    char path[DIGEST_MAX + 16];
    struct digest d, got;
    int r = digest_parse(name, &d, e);

    if (r < 0)
        return r;
    made = alias_find(self(s), &d);
    if (made && made->text) {
        buf_add(b, made->text, made->n);
        r = buf_check(b, e);
    } else {
        path_of(&d, path, sizeof path);
        r = member_read(self(s), path, b, e);
        if (r == -SHALE_NOT_FOUND)
            return absent(&d, e);
    }
    if (r >= 0)
        r = digest_of_bytes(digest_alg(&d), buf_str(b), b->n, &got, e);
    if (r >= 0 && !digest_eq(&got, &d))
        return err_set(e, SHALE_CORRUPT, "manifest verification failed for digest %s", d.s);
    return r < 0 ? r : source_describe(b, &d, a, ret, e);
}

/* Where the bytes of a blob lie: a descriptor (to be closed if *ret_own) and a range of it. */
static int locate(struct reading *x, const struct digest *d, int *ret_fd, bool *ret_own,
                  uint64_t *ret_offset, uint64_t *ret_size, struct shale_err *e)
{
    const struct alias *alias = alias_find(x, d);
    const struct member *m = alias ? alias->member : NULL;
    char path[DIGEST_MAX + 16];
    struct stat st;

    path_of(d, path, sizeof path);
    *ret_own = x->is_folder;
    if (x->is_folder) {
        *ret_fd = inroot_open(x->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, NULL);
        if (*ret_fd < 0)
            return absent(d, e);
        if (fstat(*ret_fd, &st) < 0 || !S_ISREG(st.st_mode)) {
            close(*ret_fd);
            return err_set(e, SHALE_CORRUPT, "%s is no file", path);
        }
        *ret_offset = 0;
        *ret_size = (uint64_t)st.st_size;
        return 0;
    }
    m = m ? m : member_find(x, path);
    if (!m)
        return absent(d, e);
    *ret_fd = x->fd;
    *ret_offset = m->offset;
    *ret_size = m->size_bytes;
    return 0;
}

bool archive_has_blob(struct archive *x, const struct digest *d)
{
    uint64_t at, size;
    bool own;
    int fd;

    if (locate((struct reading *)x, d, &fd, &own, &at, &size, NULL) < 0)
        return false;
    if (own)
        close(fd);
    return true;
}

static int src_blob(struct source *s, const struct descriptor *d, uint64_t offset,
                    int (*start)(void *arg, uint64_t offset, struct shale_err *e),
                    source_data_fn data, void *arg, struct cancel *c, struct shale_err *e)
{
    uint64_t at = 0, size = 0;
    bool own = false;
    int fd = -1, r = locate(self(s), &d->digest, &fd, &own, &at, &size, e);

    if (r < 0)
        return r;
    _cleanup_close_ int closed = own ? fd : -1;
    (void)closed;
    _cleanup_free_ char *block = mem_alloc(size < BLOCK_BYTES ? (size_t)size + 1 : BLOCK_BYTES);
    if (!block)
        return err_nomem(e);
    if (size != d->size_bytes)
        return err_set(e, SHALE_CORRUPT, "blob %s has %llu bytes, its descriptor says %llu",
                       d->digest.s, (unsigned long long)size, (unsigned long long)d->size_bytes);
    r = start(arg, offset, e);
    while (r >= 0 && offset < size) {
        size_t n, want = size - offset < BLOCK_BYTES ? (size_t)(size - offset) : BLOCK_BYTES;
        if (sys_pread_full(fd, block, want, at + offset, &n) < 0)
            return err_sys(e, "read the archive");
        if (n == 0)
            return err_set(e, SHALE_CORRUPT, "the archive is cut off within blob %s", d->digest.s);
        offset += n;
        r = data(arg, block, n, e);
        if (r >= 0)
            r = cancel_check(c, e);
    }
    return r < 0 ? r : 0;
}

static int src_tags(struct source *s, struct arena *a, struct strv *ret, struct cancel *c,
                    struct shale_err *e)
{
    return err_set(e, SHALE_UNSUPPORTED, "an archive lists its images");
}

static struct source *src_close(struct source *s)
{
    archive_close(s ? &self(s)->pub : NULL);
    return NULL;
}

static const struct source_ops ops = {
    .resolve = source_resolve,
    .manifest = src_manifest,
    .blob = src_blob,
    .tags = src_tags,
    .close = src_close,
};

int archive_open(int fd, int spool_dir_fd, struct cancel *c, struct arena *a, struct archive **ret,
                 struct shale_err *e)
{
    struct reading *x = arena_alloc(a, sizeof *x);

    if (!x)
        return err_nomem(e);
    x->pub.source.ops = &ops;
    x->a = a;
    int r = members_scan(x, fd, spool_dir_fd, c, e);
    if (r >= 0)
        r = documents_read(x, e);
    if (r < 0) {
        archive_close(&x->pub);
        return r;
    }
    x->pub.images = x->images;
    *ret = &x->pub;
    return 0;
}

void archive_close(struct archive *pub)
{
    struct reading *x = (struct reading *)pub;

    if (x && x->owns_fd)
        close(x->fd);
    if (x)
        x->owns_fd = false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The store as a struct source: where pushes come from. Names are digests; what a tag stands for is
 * known to image/. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "store/store_priv.h"

#define BLOCK_BYTES (256u << 10)

struct store_source {
    struct source source;
    struct store *store;
};

static struct store *store_of(struct source *s)
{
    return ((struct store_source *)s)->store;
}

static int gone(const struct digest *d, struct shale_err *e)
{
    return err_set(e, SHALE_NOT_FOUND, "content %s is not in the store; pull the image again",
                   d->s);
}

static int src_manifest(struct source *s, const char *name, struct buf *b, struct arena *a,
                        struct descriptor *ret, struct cancel *c, struct shale_err *e)
{
    struct digest d;
    int r = digest_parse(name, &d, e);

    if (r >= 0)
        r = store_document(store_of(s), &d, b, e);
    if (r == -SHALE_NOT_FOUND)
        return gone(&d, e);
    return r < 0 ? r : source_describe(b, &d, a, ret, e);
}

static int send(int fd, uint64_t offset, const struct descriptor *d, source_data_fn data, void *arg,
                struct cancel *c, struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(BLOCK_BYTES);
    int r = block ? 0 : err_nomem(e);

    while (r >= 0 && offset < d->size_bytes) {
        uint64_t left = d->size_bytes - offset;
        ssize_t n = pread(fd, block, left < BLOCK_BYTES ? left : BLOCK_BYTES, (off_t)offset);
        if (n <= 0)
            return n < 0 ? err_sys(e, "read blob %s", d->digest.s)
                         : err_set(e, SHALE_CORRUPT, "blob %s is shorter than its descriptor says",
                                   d->digest.s);
        offset += (uint64_t)n;
        r = data(arg, block, (size_t)n, e);
        if (r >= 0)
            r = cancel_check(c, e);
    }
    return r < 0 ? r : 0;
}

static int src_blob(struct source *s, const struct descriptor *d, uint64_t offset,
                    int (*start)(void *arg, uint64_t offset, struct shale_err *e),
                    source_data_fn data, void *arg, struct cancel *c, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct stat st;

    _cleanup_close_ int fd = blob_open(store_of(s)->blobs, &d->digest, &why);
    if (fd == -SHALE_NOT_FOUND)
        return gone(&d->digest, e);
    if (fd < 0 || fstat(fd, &st) < 0) {
        if (e)
            *e = why;
        return fd < 0 ? fd : err_sys(e, "blob %s", d->digest.s);
    }
    if ((uint64_t)st.st_size != d->size_bytes)
        return err_set(e, SHALE_CORRUPT, "blob %s has %llu bytes, its descriptor says %llu",
                       d->digest.s, (unsigned long long)st.st_size,
                       (unsigned long long)d->size_bytes);
    int r = start(arg, offset, e);
    return r < 0 ? r : send(fd, offset, d, data, arg, c, e);
}

static int src_tags(struct source *s, struct arena *a, struct strv *ret, struct cancel *c,
                    struct shale_err *e)
{
    return err_set(e, SHALE_UNSUPPORTED, "the store lists names in its rows");
}

static struct source *src_close(struct source *s)
{
    free(s);
    return NULL;
}

static const struct source_ops ops = {
    .resolve = source_resolve,
    .manifest = src_manifest,
    .blob = src_blob,
    .tags = src_tags,
    .close = src_close,
};

int store_source_open(struct store *s, struct source **ret, struct shale_err *e)
{
    struct store_source *k = mem_alloc(sizeof *k);

    if (!k)
        return err_nomem(e);
    k->source.ops = &ops;
    k->store = s;
    *ret = &k->source;
    return 0;
}

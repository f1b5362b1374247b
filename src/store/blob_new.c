/* SPDX-License-Identifier: Apache-2.0 */
#include "store/blob_new.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/sys.h"
#include "store/store_priv.h"

#define COPY_BYTES (256u << 10)

int blob_new_begin(struct store *s, struct blob_new *b, struct shale_err *e)
{
    int layers = store_layers_fd(s, e);
    int r = layers < 0 ? layers : hash_init(&b->hash, HASH_SHA256, e);

    if (r < 0)
        return r;
    b->store = s;
    b->size_bytes = 0;
    b->fd = sys_openat(layers, ".", O_TMPFILE | O_RDWR, 0600);
    return b->fd < 0 ? err_sys(e, "create a file for a layer") : 0;
}

int blob_new_write(void *b_, const void *p, size_t n, struct shale_err *e)
{
    struct blob_new *b = b_;

    hash_update(&b->hash, p, n);
    b->size_bytes += n;
    return sys_write_all(b->fd, p, n) < 0 ? err_sys(e, "write layer") : 0;
}

static int copy(const struct blob_new *b, struct blob_writer *w, struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(COPY_BYTES);
    uint64_t at = 0;
    size_t n;
    int r = block ? blob_writer_rewind(w, e) : err_nomem(e);

    while (r >= 0 && at < b->size_bytes) {
        if (sys_pread_full(b->fd, block, COPY_BYTES, at, &n) < 0)
            return err_sys(e, "read layer");
        if (n == 0)
            return err_set(e, SHALE_INTERNAL, "a layer's file became shorter");
        r = blob_writer_write(w, block, n, e);
        at += n;
    }
    return r < 0 ? r : blob_writer_commit(w, e);
}

int blob_new_put(struct blob_new *b, struct store_lease *lease, struct cancel *c,
                 struct digest *ret, struct shale_err *e)
{
    struct blob_writer *w = NULL;
    struct digest d;

    digest_of_hash(&b->hash, &d);
    int r = store_lease_add(lease, &d, e);
    if (r >= 0)
        r = blob_begin(b->store->blobs, &d, b->size_bytes, NULL, NULL, c, &w, e);
    if (r < 0)
        return r;
    if (r == 0) { /* 1: it is there already */
        r = copy(b, w, e);
        if (r < 0)
            blob_writer_discard(w);
        blob_writer_close(w);
    }
    if (r >= 0)
        *ret = d;
    return r < 0 ? r : 0;
}

void blob_new_clear(struct blob_new *b)
{
    hash_clear(&b->hash);
    if (b->fd >= 0)
        close(TAKE_FD(b->fd));
}

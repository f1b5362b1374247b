/* SPDX-License-Identifier: Apache-2.0 */
#include "store/layer_new.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/sys.h"
#include "store/layer_in.h"
#include "store/store_priv.h"
#include "tar/deflate.h"

#define COPY_BYTES (256u << 10)
#define LAYER_TYPE "application/vnd.oci.image.layer.v1.tar+gzip"

struct layer_new {
    struct store *store;
    struct store_lease *lease;
    struct cancel *c;
    struct layer_in *in;
    struct deflater *deflater;
    struct hash hash;
    int fd; /* compressed bytes, a file without a name: their digest comes last */
    uint64_t blob_bytes;
};

static int keep(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct layer_new *l = arg;

    hash_update(&l->hash, p, n);
    l->blob_bytes += n;
    return sys_write_all(l->fd, p, n) < 0 ? err_sys(e, "write layer") : 0;
}

static int begin(struct layer_new *l, struct shale_err *e)
{
    int layers = store_layers_fd(l->store, e);
    int r = layers;

    const struct layer_in_opts o = {.layers_fd = layers, .codec = DECODER_NONE, .alg = HASH_SHA256};
    if (r >= 0)
        r = layer_in_begin(&o, &l->in, e);
    if (r >= 0)
        r = hash_init(&l->hash, HASH_SHA256, e);
    if (r >= 0)
        r = deflater_new(keep, l, &l->deflater, e);
    if (r < 0)
        return r;
    l->fd = sys_openat(layers, ".", O_TMPFILE | O_RDWR, 0600);
    return l->fd < 0 ? err_sys(e, "create a file for a layer") : 0;
}

int layer_new_begin(struct store *s, struct store_lease *lease, struct cancel *c,
                    struct layer_new **ret, struct shale_err *e)
{
    struct layer_new *l = s->read_only ? NULL : mem_alloc(sizeof *l);

    if (s->read_only)
        return err_set(e, SHALE_DENIED, "the store at %s is read-only", s->root);
    if (!l)
        return err_nomem(e);
    l->store = s;
    l->lease = lease;
    l->c = c;
    l->fd = -1;
    int r = begin(l, e);
    if (r < 0)
        layer_new_close(l);
    else
        *ret = l;
    return r;
}

int layer_new_write(struct layer_new *l, const void *p, size_t n, struct shale_err *e)
{
    int r = cancel_check(l->c, e);

    if (r >= 0)
        r = layer_in_write(l->in, p, n, e);
    return r < 0 ? r : deflater_write(l->deflater, p, n, e);
}

static int copy(const struct layer_new *l, struct blob_writer *w, struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(COPY_BYTES);
    uint64_t at = 0;
    size_t n;
    int r = block ? blob_writer_rewind(w, e) : err_nomem(e);

    while (r >= 0 && at < l->blob_bytes) {
        if (sys_pread_full(l->fd, block, COPY_BYTES, at, &n) < 0)
            return err_sys(e, "read layer");
        if (n == 0)
            return err_set(e, SHALE_INTERNAL, "a layer's file became shorter");
        r = blob_writer_write(w, block, n, e);
        at += n;
    }
    return r < 0 ? r : blob_writer_commit(w, e);
}

static int put_blob(const struct layer_new *l, const struct digest *d, struct shale_err *e)
{
    struct blob_writer *w = NULL;
    int r = blob_begin(l->store->blobs, d, l->blob_bytes, NULL, NULL, l->c, &w, e);

    if (r != 0)
        return r < 0 ? r : 0; /* it is there already */
    r = copy(l, w, e);
    if (r < 0)
        blob_writer_discard(w);
    blob_writer_close(w);
    return r;
}

static int put_rows(const struct layer_new *l, const struct digest *blob,
                    const struct layer_in_result *in, struct shale_err *e)
{
    struct meta *m = l->store->meta;
    const struct meta_blob row = {
        .digest = *blob, .size_bytes = l->blob_bytes, .media_type = LAYER_TYPE};
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = meta_blob_put(m, &row, e);
    if (r >= 0)
        r = store_record_layer(l->store, blob, l->blob_bytes, in, e);
    return meta_end(m, r, e);
}

int layer_new_finish(struct layer_new *l, struct meta_image_layer *ret, struct shale_err *e)
{
    struct layer_in_result in;
    struct meta_image_layer made;
    int r = layer_in_finish(l->in, NULL, &in, e);

    if (r >= 0)
        r = deflater_end(l->deflater, e);
    if (r < 0)
        return r;
    made.diff_id = in.diff_id;
    digest_of_hash(&l->hash, &made.blob);
    r = store_lease_add(l->lease, &made.diff_id, e);
    if (r >= 0)
        r = store_lease_add(l->lease, &made.blob, e);
    if (r >= 0)
        r = put_blob(l, &made.blob, e);
    if (r >= 0)
        r = store_layer_trusted(l->store, &in.diff_id, e);
    if (r >= 0)
        r = layer_in_publish(l->in, r == 0, e);
    if (r >= 0)
        r = put_rows(l, &made.blob, &in, e);
    if (r >= 0)
        *ret = made;
    return r;
}

struct layer_new *layer_new_close(struct layer_new *l)
{
    if (!l)
        return NULL;
    layer_in_close(l->in);
    deflater_free(l->deflater);
    hash_clear(&l->hash);
    if (l->fd >= 0)
        close(l->fd);
    free(l);
    return NULL;
}

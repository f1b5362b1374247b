/* SPDX-License-Identifier: Apache-2.0 */
#include "store/layer_new.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/media.h"
#include "store/blob_new.h"
#include "store/layer_in.h"
#include "store/store_priv.h"
#include "tar/deflate.h"

struct layer_new {
    struct store *store;
    struct store_lease *lease;
    struct cancel *c;
    struct layer_in *in;
    struct deflater *deflater;
    struct blob_new blob; /* compressed */
};

static int begin(struct layer_new *l, struct shale_err *e)
{
    int layers = store_layers_fd(l->store, e);
    int r = layers;

    const struct layer_in_opts o = {.layers_fd = layers, .codec = DECODER_NONE, .alg = HASH_SHA256};
    if (r >= 0)
        r = layer_in_begin(&o, &l->in, e);
    if (r >= 0)
        r = blob_new_begin(l->store, &l->blob, e);
    return r < 0 ? r : deflater_new(DEFLATER_LEVEL, blob_new_write, &l->blob, &l->deflater, e);
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
    l->blob = (struct blob_new)BLOB_NEW_NONE;
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

static int put_rows(const struct layer_new *l, const struct digest *blob,
                    const struct layer_in_result *in, struct shale_err *e)
{
    struct meta *m = l->store->meta;
    const struct meta_blob row = {.digest = *blob,
                                  .size_bytes = l->blob.size_bytes,
                                  .media_type = media_layer_type(CODEC_GZIP)};
    int r = meta_begin(m, e);

    if (r < 0)
        return r;
    r = meta_blob_put(m, &row, e);
    if (r >= 0)
        r = store_record_layer(l->store, blob, l->blob.size_bytes, in, e);
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
    r = store_lease_add(l->lease, &made.diff_id, e);
    if (r >= 0)
        r = blob_new_put(&l->blob, l->lease, l->c, &made.blob, e);
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
    blob_new_clear(&l->blob);
    free(l);
    return NULL;
}

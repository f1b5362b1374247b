/* SPDX-License-Identifier: Apache-2.0 */
#include "store/layer_packed.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/sys.h"
#include "model/media.h"
#include "rootfs/toc.h"
#include "store/blob_new.h"

#define READ_BYTES (256u << 10)

/* What is read is what the layer's digest says, or nothing comes of it: a blob made of a damaged
 * file would be as good as any, for everybody who gets it. */
static int encode(int tar, const struct digest *diff_id, struct encoder *x, struct cancel *c,
                  struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(READ_BYTES);
    _cleanup_(hash_clear) struct hash h = {.ctx = NULL};
    struct digest is;
    uint64_t at = 0;
    size_t n = 1;
    int r = block ? hash_init(&h, digest_alg(diff_id), e) : err_nomem(e);

    while (r >= 0 && n > 0) {
        r = cancel_check(c, e);
        if (r >= 0 && sys_pread_full(tar, block, READ_BYTES, at, &n) < 0)
            r = err_sys(e, "read layer");
        if (r >= 0 && n > 0) {
            hash_update(&h, block, n);
            r = encoder_write(x, block, n, e);
        }
        at += n;
    }
    if (r < 0)
        return r;
    digest_of_hash(&h, &is);
    return digest_eq(&is, diff_id) ? encoder_end(x, e)
                                   : err_set(e, SHALE_CORRUPT,
                                             "layer %s is damaged: its file is %s; \"shale fsck\" "
                                             "tells what else is",
                                             diff_id->s, is.s);
}

static int put_rows(struct store *s, const struct digest *diff_id, const struct blob_new *b,
                    const struct digest *blob, enum encoder_kind kind, struct shale_err *e)
{
    static const enum media_codec codecs[] = {
        [ENCODER_NONE] = CODEC_NONE, [ENCODER_GZIP] = CODEC_GZIP, [ENCODER_ZSTD] = CODEC_ZSTD};
    const struct meta_blob row = {
        .digest = *blob, .size_bytes = b->size_bytes, .media_type = media_layer_type(codecs[kind])};
    int r = meta_begin(store_meta(s), e);

    if (r < 0)
        return r;
    r = meta_blob_put(store_meta(s), &row, e);
    if (r >= 0)
        r = meta_layer_blob_put(store_meta(s), blob, diff_id, b->size_bytes, e);
    return meta_end(store_meta(s), r, e);
}

int layer_packed_make(struct store *s, struct store_lease *lease, const struct digest *diff_id,
                      enum encoder_kind kind, int level, struct cancel *c, struct digest *ret_blob,
                      struct shale_err *e)
{
    _cleanup_(blob_new_clear) struct blob_new b = BLOB_NEW_NONE;
    _cleanup_close_ int tar = -1;
    struct encoder *x = NULL;
    struct toc *toc = NULL;
    struct digest d;
    int r = store_layer_open(s, diff_id, c, &toc, &tar, e);

    toc_close(toc);
    if (r >= 0)
        r = blob_new_begin(s, &b, e);
    if (r >= 0)
        r = encoder_new(kind, level, blob_new_write, &b, &x, e);
    if (r >= 0)
        r = encode(tar, diff_id, x, c, e);
    encoder_free(x);
    if (r >= 0)
        r = blob_new_put(&b, lease, c, &d, e);
    if (r >= 0)
        r = put_rows(s, diff_id, &b, &d, kind, e);
    if (r >= 0)
        *ret_blob = d;
    return r;
}

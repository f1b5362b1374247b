/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Layers under another compression than the one that they are made with: for the image, for caches
 * elsewhere. What was compressed once is in the cache, which --no-cache does not look into. */
#include "build/build_priv.h"
#include "tar/encoder.h"

struct compression {
    bool given; /* false: as they are */
    bool force; /* those of the base image, too */
    enum encoder_kind kind;
    int level;
};
/* "gzip", "zstd" or "uncompressed", and a level (NULL: the usual one). INVALID, UNSUPPORTED. */
int compression_parse(const char *kind, const char *level, struct compression *ret,
                      struct shale_err *e);
/* What the options say of the image. */
int compression_of(const struct shale_build_opts *o, struct compression *ret, struct shale_err *e);
/* l->blob becomes one of that kind, unless it is already. */
int compress_layer(struct build *b, const struct compression *c, struct meta_image_layer *l,
                   struct shale_err *e);
/* All layers of the target, if that is wanted; those of its base only by force. */
int compress_image(struct build *b, struct told *t, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A layer on its way in: compressed bytes go in at one end; out come layers/<diffid>/layer.tar and
 * toc.
 *
 *   caller's thread                      second thread
 *   inflate straight into ring blocks -> hash, write the tar, parse its headers
 *
 * so that the two halves of the work, which cost about the same, run on two processors for one
 * layer, in bounded memory (LAYER_IN_BLOCKS blocks).
 *
 *   layer_in_begin → layer_in_write … → layer_in_finish (verified) → layer_in_publish →
 * layer_in_close
 *
 * Nothing has its final name before layer_in_publish. Files are not fsynced: a layer is a cache,
 * whose row says under which boot it was written.
 */
#include "base/err.h"
#include "model/digest.h"
#include "rootfs/toc.h"
#include "tar/codec.h"

#define LAYER_IN_BLOCK_BYTES (256 << 10)
#define LAYER_IN_BLOCKS      4

struct layer_in_opts {
    int layers_fd; /* the layers/ folder */
    enum decoder_kind codec;
    enum hash_alg alg;  /* of the diffID */
    uint64_t max_ratio; /* inflated to compressed size, LIMIT when it is more (above
                           LIMIT_INFLATE_FLOOR_BYTES); 0: whatever it is */
    /* A layer of less than a block is only verified and leaves no files: they are made from its
     * blob when they are needed (ADR 26). */
    bool later;
};

struct layer_in_result {
    struct digest diff_id;
    uint64_t tar_bytes;
    struct toc_stats toc;
    bool later; /* it left no files: there is nothing to publish */
};

struct layer_in;
int layer_in_begin(const struct layer_in_opts *o, struct layer_in **ret, struct shale_err *e);
/* Starts over with nothing read, as after begin. */
int layer_in_restart(struct layer_in *l, struct shale_err *e);
int layer_in_write(struct layer_in *l, const void *p, size_t n, struct shale_err *e);
/* End of input. CORRUPT when the stream is cut off or its tar is broken, or when the diffID is not
 * `expected` (NULL: whatever it is). */
int layer_in_finish(struct layer_in *l, const struct digest *expected, struct layer_in_result *ret,
                    struct shale_err *e);
/* Gives the folder its final name. A complete layer of that name stays; `replace` swaps a damaged
 * one out. */
int layer_in_publish(struct layer_in *l, bool replace, struct shale_err *e);
struct layer_in *layer_in_close(struct layer_in *l); /* removes what was not published */

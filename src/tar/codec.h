/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Streaming decompression: gzip (ISA-L; RFC 1952, several members, header fields), zstd (RFC 8878,
 * several and skippable frames) and none. The caller owns both buffers, as with zlib:
 *
 *   decoder_new(DECODER_AUTO, &limits, &d, e);
 *   in = …; do { decoder_run(d, &in, out, cap, &n, e); use out[0..n) } while (n == cap || in.n);
 *   decoder_end(d, e);     // CORRUPT if the stream was cut off
 *
 * A trailer (CRC, length) that does not match is CORRUPT. Output past the limits is LIMIT.
 */
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum decoder_kind { DECODER_AUTO, DECODER_NONE, DECODER_GZIP, DECODER_ZSTD };

struct decoder_limits {
    uint64_t max_bytes; /* of output */
    uint64_t max_ratio; /* output : input, checked once output is over ratio_floor_bytes; 0: none */
    uint64_t ratio_floor_bytes;
};

struct decoder;
/* AUTO looks at the first bytes; anything that is neither gzip nor zstd passes through unchanged.
 */
int decoder_new(enum decoder_kind kind, const struct decoder_limits *limits, struct decoder **ret,
                struct shale_err *e);
/* Consumes from the front of *in, fills out. *ret_n bytes came out. Returns 0. */
int decoder_run(struct decoder *d, struct str *in, void *out, size_t cap, size_t *ret_n,
                struct shale_err *e);
int decoder_end(struct decoder *d, struct shale_err *e);
enum decoder_kind decoder_kind(const struct decoder *d); /* what it turned out to be */
struct decoder *decoder_free(struct decoder *d);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Streaming decompression: gzip (ISA-L; RFC 1952, several members, header fields), zstd (RFC 8878,
 * several and skippable frames) and none; for archives also xz and bzip2 (several streams), whose
 * libraries are loaded when they are met. The caller owns both buffers, as with zlib:
 *
 *   decoder_new(DECODER_AUTO, &limits, &d, e);
 *   in = …; do { decoder_run(d, &in, out, cap, &n, e); use out[0..n) } while (n == cap || in.n);
 *   decoder_end(d, e);     // CORRUPT if the stream was cut off
 *
 * A trailer (CRC, length) that does not match is CORRUPT. Output past the limits is LIMIT.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum decoder_kind {
    DECODER_AUTO,
    DECODER_NONE,
    DECODER_GZIP,
    DECODER_ZSTD,
    DECODER_XZ,
    DECODER_BZIP2,
    DECODER_ARCHIVE, /* as AUTO, which layers have: and xz, and bzip2 */
};

struct decoder_limits {
    uint64_t max_bytes; /* of output */
    uint64_t max_ratio; /* output : input, checked once output is over ratio_floor_bytes; 0: none */
    uint64_t ratio_floor_bytes;
    bool shares_windows; /* with the process's other decoders that do, see below */
};

/*
 * A zstd frame needs as much memory as its window, which the data chooses: 2 MiB as a rule, 8 MiB
 * of the strongest compression, 128 MiB at most (LIMIT above that). The windows of all decoders
 * that share them come to no more than DECODER_WINDOWS_BYTES together; decoder_run waits until a
 * frame's fits. A frame with a larger window waits until it is alone. Who waits holds none, so some
 * decoder can always go on, as long as each thread has only one of them.
 */
#define DECODER_WINDOWS_BYTES (8u << 20)

struct decoder;
/* AUTO looks at the first bytes; anything that is neither gzip nor zstd passes through unchanged.
 * UNSUPPORTED, also by decoder_run: a library that is not installed. */
int decoder_new(enum decoder_kind kind, const struct decoder_limits *limits, struct decoder **ret,
                struct shale_err *e);
/* Consumes from the front of *in, fills out. *ret_n bytes came out. Returns 0. */
int decoder_run(struct decoder *d, struct str *in, void *out, size_t cap, size_t *ret_n,
                struct shale_err *e);
int decoder_end(struct decoder *d, struct shale_err *e);
enum decoder_kind decoder_kind(const struct decoder *d); /* what it turned out to be */
struct decoder *decoder_free(struct decoder *d);

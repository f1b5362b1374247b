/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Streaming compression of a layer: none, gzip (deflate.h) or zstd (RFC 8878, on all processors).
 * The same bytes with the same level give the same bytes on any number of processors, with one
 * version of the libraries and one build of libzstd: one without threads frames data otherwise.
 *
 *   encoder_new(kind, level, out, arg, &x, e);
 *   encoder_write(x, p, n, e) …
 *   encoder_end(x, e);            // nothing may follow
 *   encoder_free(x);
 *
 * What out returns below 0 ends the call and is returned. One thread at a time.
 */
#include "tar/tar_write.h"

enum encoder_kind { ENCODER_NONE, ENCODER_GZIP, ENCODER_ZSTD };
#define ENCODER_LEVEL_DEFAULT (-1)

/* The highest level of a kind, from 0 (zstd: 1): gzip 9, of which ISA-L tells four apart; zstd 22;
 * 0: it has none. */
int encoder_max_level(enum encoder_kind kind);

/* Of the library that makes a kind: another one may make other bytes of the same. Never NULL. */
const char *encoder_version(enum encoder_kind kind);

struct encoder;
/* level: ENCODER_LEVEL_DEFAULT, or within the kind's; INVALID otherwise. */
int encoder_new(enum encoder_kind kind, int level, tar_out_fn out, void *arg, struct encoder **ret,
                struct shale_err *e);
int encoder_write(struct encoder *x, const void *p, size_t n, struct shale_err *e);
int encoder_end(struct encoder *x, struct shale_err *e);
struct encoder *encoder_free(struct encoder *x); /* NULL in, NULL out */

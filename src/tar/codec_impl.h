/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What stands behind a struct decoder: one of these tables per format. Internal to tar/.
 *
 * A format object is made with open, fed with run until the input ends, and asked with end whether
 * the stream was complete. run consumes from the front of *in and writes at most cap bytes (cap >
 * 0) to out; it returns only when the input is used up, the output is full, or with an error.
 * Nothing of what was consumed may still be waiting when it left room in out.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct codec_ops {
    int (*open)(bool shares_windows, void **ret, struct shale_err *e);
    int (*run)(void *c, struct str *in, uint8_t *out, size_t cap, size_t *ret_n,
               struct shale_err *e);
    int (*end)(void *c, struct shale_err *e);
    void (*close)(void *c); /* takes NULL */
};

extern const struct codec_ops codec_none, codec_gzip, codec_zstd, codec_xz, codec_bzip2;

/* ---- codec_window.c: the process's budget for windows; for several threads ---- */
void window_take(uint64_t n); /* waits until n bytes fit, or nothing is taken */
void window_give(uint64_t n);
uint64_t window_taken(void);
/* The window of the zstd frame that begins with these bytes: 1 and *ret; 0 when they are too few.
 * Nothing but the size is looked at. A skippable frame's is 0. */
int window_of_zstd(const uint8_t *p, size_t n, uint64_t *ret);

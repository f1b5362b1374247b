/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Streaming gzip compression (RFC 1952) with ISA-L: quick rather than small. The same bytes in give
 * the same bytes out when they come in the same pieces.
 *
 *   deflater_new(DEFLATER_LEVEL, out, arg, &d, e);
 *   deflater_write(d, p, n, e) …
 *   deflater_end(d, e);            // the trailer; nothing may follow
 *   deflater_free(d);
 *
 * What out returns below 0 ends the call and is returned. One thread at a time.
 */
#include "tar/tar_write.h"

#define DEFLATER_LEVEL 1 /* 0 to 3 */

struct deflater;
int deflater_new(int level, tar_out_fn out, void *arg, struct deflater **ret, struct shale_err *e);
int deflater_write(struct deflater *d, const void *p, size_t n, struct shale_err *e);
int deflater_end(struct deflater *d, struct shale_err *e);
struct deflater *deflater_free(struct deflater *d);

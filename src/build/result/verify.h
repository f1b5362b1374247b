/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * --verify: is the image that comes out the same when every step is done again? It is built as
 * always (with the cache), then once more without any cache; when both have one digest, the names
 * are given by a third, out of the cache, which must give the same again. Otherwise what differs is
 * told, step by step and file by file, and nothing has changed.
 *
 * Times are part of what is compared, so SOURCE_DATE_EPOCH must be given.
 */
#include "build/build_priv.h"

/* One build, of one platform or several (build.c). */
int build_plain(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                struct shale_built *ret, struct shale_err *e);
/* CONFLICT: they differ. INVALID, UNSUPPORTED: it cannot be found out with these options. */
int build_verify(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                 struct shale_built *ret, struct shale_err *e);

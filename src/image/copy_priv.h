/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by copy.c (one image, as pulls want it), copy_graph.c (all that hangs on a name) and
 * copy_whole.c (that, image by image). */
#include "base/buf.h"
#include "image/copy.h"

struct doc { /* a manifest or index with the bytes it was parsed from */
    struct descriptor desc;
    const char *raw;
    size_t raw_n;
    struct manifest m;
};

int copy_fetch_doc(struct source *from, const char *name, struct arena *a, struct doc *ret,
                   struct cancel *c, struct shale_err *e);
/* Bytes of a small blob, verified. */
int copy_fetch_config(struct source *from, const struct descriptor *d, struct buf *b,
                      struct cancel *c, struct shale_err *e);
/* The image of a manifest that was fetched; target and image of *ret are the same. */
int copy_image_doc(struct source *from, const struct doc *image, struct sink *to,
                   const struct copy_opts *o, struct arena *a, struct copy_result *ret,
                   struct shale_err *e);
/* A manifest that is no image, with its config and its blobs, byte for byte. */
int copy_artifact(struct source *from, const struct doc *d, struct sink *to,
                  const struct copy_opts *o, struct arena *a, struct shale_err *e);
/* Of a layer that is shown by its blob or its diffID; total: its compressed bytes. */
void copy_report(const struct copy_opts *o, enum shale_progress_kind kind,
                 const struct digest *shown, uint64_t total);

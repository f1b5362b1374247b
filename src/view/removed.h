/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What `rmi` and `image prune` have removed, or would. */
#include <jansson.h>
#include <shale/image.h>

#include "base/buf.h"

/* A line for each, in docker's words for rmi. */
void removed_put(struct buf *b, const struct shale_removed *v, size_t n);

/* Is it a format? Before anything is removed. NULL is one. */
int removed_check(const char *format, struct shale_err *e);
/* --format: "json", or a template over one document, which is that of docker's API: ImagesDeleted,
 * SpaceReclaimed; and with `left` BytesLeft. */
int removed_print(const struct shale_rmi_result *res, bool left, const char *format, bool printable,
                  struct buf *out, struct shale_err *e);

/* ---- for explain.c ---- */
json_t *removed_doc(const struct shale_removed *v, size_t n);
int removed_format(const json_t *doc, const char *format, bool printable, struct buf *out,
                   struct shale_err *e);

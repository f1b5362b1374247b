/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a prune has removed, in docker's words. */
#include <shale/image.h>

#include "base/buf.h"

/* The title, a line for each, an empty line; nothing where there is none. */
void pruned_put(struct buf *b, const char *title, const char *const *names, size_t n);
void pruned_put_images(struct buf *b, const char *title, const struct shale_rmi_result *res);
/* "Total reclaimed space: 1.234MB" */
void pruned_put_total(struct buf *b, uint64_t bytes);

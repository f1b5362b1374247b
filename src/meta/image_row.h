/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The columns of an image row in one place, for get and each. */
#include "meta/meta_image.h"
#include "meta/stmt.h"

#define IMAGE_COLUMNS                                                                              \
    "SELECT id, manifest, parent, chain, created, size, n_layers, os, arch, variant, os_version,"  \
    " labels, added, used, tagged, pinned FROM images"

/* Texts are borrowed from the statement. */
void image_row_read(const struct stmt *q, struct meta_image *i);

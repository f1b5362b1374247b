/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Images and archives: what <shale/archive.h> and <shale/flat.h> promise. */
#include <shale/archive.h>
#include <shale/flat.h>

#include "image/image.h"

int image_save(struct image_host *h, const char *const *images, size_t n_images,
               const struct shale_save_opts *o, struct shale_err *e);
int image_load(struct image_host *h, const struct shale_load_opts *o, struct arena *a,
               struct shale_load_result *ret, struct shale_err *e);
int image_import(struct image_host *h, const struct shale_import_opts *o, struct arena *a,
                 struct shale_imported *ret, struct shale_err *e);

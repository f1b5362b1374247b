/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Images into archives: what <shale/archive.h> promises. */
#include <shale/archive.h>

#include "image/image.h"

int image_save(struct image_host *h, const char *const *images, size_t n_images,
               const struct shale_save_opts *o, struct shale_err *e);
int image_load(struct image_host *h, const struct shale_load_opts *o, struct arena *a,
               struct shale_load_result *ret, struct shale_err *e);

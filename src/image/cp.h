/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* `cp` out of an image, for the functions of <shale/cp.h>. */
#include <shale/cp.h>

#include "image/image.h"

int image_cp_out(struct image_host *h, const char *what, const char *path, const char *to,
                 const struct shale_cp_opts *o, struct arena *a, struct shale_cp_result *ret,
                 struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* `image ls --tree`: images with their platforms below them. */
#include <shale/image.h>

#include "base/buf.h"

struct tree_image {
    const struct shale_image *image;
    struct shale_platform_list *platforms; /* NULL: not known */
};
struct tree_opts {
    bool all;         /* images without any name too, and attestations */
    bool terminal;    /* colours may be used */
    unsigned columns; /* of the terminal; 80 where there is none */
};
int tree_print(const struct tree_image *v, size_t n, const struct tree_opts *o, struct buf *out,
               struct shale_err *e);

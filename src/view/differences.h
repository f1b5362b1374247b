/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What `image diff` prints. differences_add is the on_difference of struct shale_image_diff_opts;
 * where it fails, why is in `e`. list_end(&d->l, …) gives the text, list_clear(&d->l) releases all.
 */
#include <shale/look.h>

#include "view/list.h"

struct differences {
    struct list l;
    bool no_trunc;
    struct shale_err e;
};
int differences_begin(struct differences *d, const char *format, bool no_trunc, bool printable,
                      struct shale_err *e);
int differences_add(void *differences, const struct shale_difference *x);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What `find` prints. found_add is the on_found of struct shale_look_for_opts; where it fails, why
 * is in `e`. list_end(&x->l, …) gives the text, list_clear(&x->l) releases all. */
#include <shale/look.h>

#include "view/list.h"

struct found {
    struct list l;
    bool quiet, no_trunc;
    const struct shale_image *last; /* of --quiet, which tells every image once */
    struct shale_err e;
};
int found_begin(struct found *x, const char *format, bool quiet, bool no_trunc, bool printable,
                struct shale_err *e);
int found_add(void *found, const struct shale_found_inside *f);

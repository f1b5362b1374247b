/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What printing a value (tmpl_fmt.c) and working through a format (tmpl_printf.c) share. Private to
 * them. */
#include "view/tmpl_exec.h"

#define FMT_MAX_WIDTH 1000000 /* Go's limit */

struct spec {
    bool minus, plus, sharp, space, zero, has_width, has_prec;
    int width, prec;
};

/* Where a value is printed to, and how. */
struct formatter {
    struct exec *x;
    struct buf *b;
    struct spec s;
};

void fmt_add_verb(struct buf *b, uint32_t verb);
/* `inside` a list or map, where nil has no verb. */
int fmt_print(struct formatter *f, uint32_t verb, struct tmpl_val v, bool inside);

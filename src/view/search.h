/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a search found, as lists. */
#include <shale/search.h>

#include "base/buf.h"

struct search_opts {
    const char *format; /* --format; NULL: the table */
    bool no_trunc, printable;
    int64_t now_ns;
};
/* A line for each, and in its last column what was found in it. */
int search_print_images(const struct shale_found_list *l, const struct search_opts *o,
                        struct buf *out, struct shale_err *e);
/* As docker search prints them. */
int search_print(const struct shale_repository_list *l, const struct search_opts *o,
                 struct buf *out, struct shale_err *e);

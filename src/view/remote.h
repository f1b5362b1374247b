/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What registries hold, as lists. */
#include <shale/remote.h>

#include "base/buf.h"

struct remote_view_opts {
    const char *format; /* --format; NULL: the table */
    bool quiet, no_trunc;
    bool printable; /* see view/list.h */
    int64_t now_ns;
};
/* Does this listing of tags show their names only? */
bool tags_is_plain(const struct remote_view_opts *o);
int tags_print(const struct shale_remote_tags *l, const struct remote_view_opts *o, struct buf *out,
               struct shale_err *e);
/* Of those that the caller chose. With quiet: references. */
int outdated_print(const struct shale_outdated *v, size_t n, const struct remote_view_opts *o,
                   struct buf *out, struct shale_err *e);
/* Those that failed are left out. Without a format: digests, a line each. */
int resolved_print(const struct shale_resolved_list *l, const struct remote_view_opts *o,
                   struct buf *out, struct shale_err *e);

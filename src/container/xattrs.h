/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Extended attributes of a file as a tar member has them: sorted by name, without those of
 * overlayfs and of labels.
 *
 *   _cleanup_(xattrs_clear) struct xattrs x = {0};
 *   xattrs_read(&x, dir_fd, "name", "etc/name", e);     // x.v[0 … x.n): until the next call
 */
#include "base/arena.h"
#include "base/err.h"
#include "tar/tar.h"

struct xattrs {
    struct tar_xattr v[TAR_MAX_XATTRS];
    size_t n;
    struct arena a;
    char *block, *names;
};
/* Links are not followed. name NULL: of the descriptor itself, open for reading. `shown`: the path
 * in messages. LIMIT. */
int xattrs_read(struct xattrs *x, int dir_fd, const char *name, const char *shown,
                struct shale_err *e);
/* Is it one that goes into a layer? */
bool xattrs_is_taken(const char *name);
void xattrs_clear(struct xattrs *x);

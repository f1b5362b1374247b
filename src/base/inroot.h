/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Paths inside of a root file system that is not ours. They come from strangers: every look-up is
 * confined with openat2(RESOLVE_IN_ROOT), so that neither "..", absolute links nor links of /proc
 * lead out of it.
 */
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Opens path (absolute or not, resolved under root_fd) without creating. O_CLOEXEC is added.
 * Returns a descriptor, or -code. */
int inroot_open(int root_fd, const char *path, int flags, struct shale_err *e);
/* Whole regular file into b; -SHALE_NOT_FOUND when there is none, -SHALE_LIMIT over b's maximum. */
int inroot_read(int root_fd, const char *path, struct buf *b, struct shale_err *e);
/* Makes a directory and those above it, mode 0755, where missing. Returns 1 if it was there, 0 if
 * made. */
int inroot_mkdir_p(int root_fd, const char *path, struct shale_err *e);

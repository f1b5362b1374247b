/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Extended attributes in EROFS' inline form. Attributes that mean something to overlayfs are left
 * out, so that a layer cannot forge what only the container's own layer may say; "user." ones of
 * what is neither file nor folder, which Linux does not know; and names that EROFS has no prefix
 * for. */
#include "base/buf.h"
#include "base/str.h"
#include "rootfs/erofs_format.h"
#include "tar/tar.h"

struct erofs_xattrs {
    struct buf out;  /* what follows the inode; empty without attributes */
    uint16_t icount; /* for the inode */
};
#define ERO_XATTRS_INIT                                                                            \
    {                                                                                              \
        .out = BUF_INIT(8u << 20)                                                                  \
    }

/* The attributes of an entry. */
int erofs_xattrs_encode(struct erofs_xattrs *x, const struct tar_entry *t, struct shale_err *e);
/* What follows an inode, once more: the value of one. 0: none, or more than n bytes. */
size_t erofs_xattrs_find(struct str all, const char *name, void *ret, size_t n);
/* True for attributes that no driver takes over. */
bool erofs_xattr_is_dropped(const struct tar_xattr *a, enum tar_type type);

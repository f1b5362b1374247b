/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Unpacking a tar as it streams by, into a folder that is there.
 *
 *   tar_unpack_new(&opts, &u, e);
 *   while (bytes come) tar_unpack_feed(u, p, n, e);    // a tar_out_fn, too
 *   tar_unpack_end(u, e);                              // times of folders; CORRUPT: cut off
 *   tar_unpack_free(u);
 *
 * Whatever the archive and the folder hold (links that lead elsewhere, names that change
 * meanwhile), nothing outside of the root is touched: all look-ups are confined to it
 * (base/inroot.h), and the last part of a name is never followed.
 *
 * As docker unpacks: a folder that is there stays and takes mode and owner of the archive's, what
 * else is there is replaced (by a new file that has all its bytes: a failure leaves the old one),
 * but a folder by something else or the other way round only with replace_any (otherwise INVALID),
 * and never where something is mounted below. Folders that no member
 * tells of are made 0755. The archive's own root ("./") is passed over. Modes, times, attributes as
 * in the archive, but for attributes of overlayfs and those that the file system does not take.
 *
 * A file that something is mounted over (a container's /etc/hosts) keeps all but its bytes.
 *
 * One thread at a time. After an error only tar_unpack_free is left to do; it drops a file that is
 * not whole.
 */
#include <stdbool.h>

#include "base/cancel.h"
#include "tar/tar.h"

struct tar_unpack_opts {
    int root_fd;       /* borrowed */
    const char *dir;   /* the folder, seen from the root; borrowed */
    const char *shown; /* what it is called in messages; borrowed */
    bool keep_owner;   /* as in the archive; otherwise files belong to who makes them */
    bool set_owner;    /* all belongs to uid and gid, in place of keep_owner */
    bool replace_any;  /* also a folder by what is none, with all that is in it */
    uint32_t uid, gid;
    struct cancel *cancel;
};

struct tar_unpack;
int tar_unpack_new(const struct tar_unpack_opts *o, struct tar_unpack **ret, struct shale_err *e);
int tar_unpack_feed(void *tar_unpack, const void *p, size_t n, struct shale_err *e);
int tar_unpack_end(struct tar_unpack *u, struct shale_err *e);
struct tar_unpack *tar_unpack_free(struct tar_unpack *u);

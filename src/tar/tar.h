/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Reading layer tars as a stream, with the byte offset of every member's data (POSIX ustar, PAX,
 * GNU, star/v7 as found in the wild; image-spec layer.md).
 *
 *   tar_reader_new(on_entry, arg, &r, e);
 *   while (bytes come) tar_reader_feed(r, p, n, e);
 *   tar_reader_end(r, e);          // checks that the archive was complete
 *   tar_reader_free(r);
 *
 * Data of members is skipped: who wants it reads the tar at data_offset. Bytes after the
 * end-of-archive mark are accepted and ignored. One thread at a time.
 *
 * Kinds: '0', '7' and NUL are regular files ('\0' and v7 '0' with a name that ends in "/":
 * directories), '1' to '6' what POSIX says, 'D' a directory, 'S' and the PAX keys GNU.sparse.*
 * sparse files (all four formats of GNU tar); 'L', 'K', 'x', 'X' describe the next member, 'g' all
 * that follow (owner, time and attributes). Members of any other type are passed over. As
 * everywhere, a size of links, devices, fifos and directories means nothing. Attributes:
 * SCHILY.xattr.* and LIBARCHIVE.xattr.* (base64).
 *
 * Hostile input: names are cleaned ("./a//b/" is "a/b", a leading "/" is dropped); ".." in a member
 * or hard link name is refused (CORRUPT); so are bad checksums, NULs in PAX names, numbers that do
 * not fit or overflow, and maps that do not match their data; everything past the TAR_MAX_ limits
 * is LIMIT. Symlink targets are data and kept as they are. Names that occur twice are the caller's
 * business. After an error only tar_reader_free is left to do.
 */
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

#define TAR_BLOCK            512
#define TAR_MAX_PATH_BYTES   4095       /* PATH_MAX - 1 */
#define TAR_MAX_NAME_BYTES   255        /* one component, NAME_MAX */
#define TAR_MAX_DEPTH        1024       /* components */
#define TAR_MAX_PAX_BYTES    (1u << 20) /* one PAX header or GNU long name */
#define TAR_MAX_GLOBAL_BYTES (64 << 10) /* all global PAX headers of an archive */
#define TAR_MAX_XATTRS       64         /* per member */
#define TAR_MAX_XATTR_BYTES  (64 << 10) /* one value */
#define TAR_MAX_ENTRIES      4000000    /* members */
#define TAR_MAX_EXTENTS      1000000    /* of one sparse member */

enum tar_type { TAR_REG, TAR_HARDLINK, TAR_SYMLINK, TAR_CHAR, TAR_BLOCKDEV, TAR_DIR, TAR_FIFO };

struct tar_xattr {
    const char *name; /* "security.capability" */
    const void *value;
    size_t value_bytes;
};

struct tar_extent { /* a run of data of a sparse member */
    uint64_t file_offset;
    uint64_t data_offset; /* in the tar; need not be a multiple of 512 */
    uint64_t n_bytes;
};

struct tar_entry { /* borrowed for the duration of the callback */
    enum tar_type type;
    struct str path; /* cleaned, relative; "" is the root directory. NUL-terminated too */
    struct str link; /* hard links: cleaned path; symlinks: target as is. NUL-terminated too */
    uint32_t mode;   /* permission bits and setuid, setgid, sticky (07777) */
    uint32_t uid, gid;
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint32_t dev_major, dev_minor;
    uint64_t size_bytes;   /* as the file will show */
    uint64_t data_offset;  /* of the first data byte in the tar (regular files) */
    uint64_t stored_bytes; /* in the tar; differs from size_bytes for sparse members */
    const struct tar_xattr *xattrs;
    size_t n_xattrs;
    const struct tar_extent *extents; /* sparse members only, in order, not overlapping */
    size_t n_extents;
    bool sparse;
};

typedef int (*tar_entry_fn)(void *arg, const struct tar_entry *t, struct shale_err *e);

struct tar_reader;
int tar_reader_new(tar_entry_fn on_entry, void *arg, struct tar_reader **ret, struct shale_err *e);
/* For those who can seek: bytes of data that come before anything else is looked at; UINT64_MAX:
 * the end mark was read. Instead of feeding them, say that they were passed over. */
uint64_t tar_reader_data_bytes(const struct tar_reader *r);
void tar_reader_pass(struct tar_reader *r, uint64_t n); /* no more than that */
int tar_reader_feed(struct tar_reader *r, const void *p, size_t n, struct shale_err *e);
/* An archive cut off inside a member is CORRUPT; a missing end-of-archive mark is accepted. */
int tar_reader_end(struct tar_reader *r, struct shale_err *e);
struct tar_reader *tar_reader_free(struct tar_reader *r);

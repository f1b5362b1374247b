/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Records of PAX extended headers ("<length> <key>=<value>\n", POSIX.1-2001 pax, "Extended
 * Header"). Internal to tar/.
 *
 * The text is taken apart in place: values that are strings stay in it and get a NUL behind them,
 * so it must live as long as the struct. Keys that mean nothing here are passed over.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "tar/tar.h"
#include "tar/tar_sparse.h"

/* What a header said. */
enum {
    TAR_PAX_PATH = 1 << 0,
    TAR_PAX_LINK = 1 << 1,
    TAR_PAX_SIZE = 1 << 2,
    TAR_PAX_UID = 1 << 3,
    TAR_PAX_GID = 1 << 4,
    TAR_PAX_MTIME = 1 << 5,
    TAR_PAX_DEV_MAJOR = 1 << 6,
    TAR_PAX_DEV_MINOR = 1 << 7,
    TAR_PAX_SPARSE_MAJOR = 1 << 8,
    TAR_PAX_SPARSE_MINOR = 1 << 9,
    TAR_PAX_SPARSE_NAME = 1 << 10,
    TAR_PAX_SPARSE_SIZE = 1 << 11,
    TAR_PAX_SPARSE_COUNT = 1 << 12,
    TAR_PAX_SPARSE_MAP = 1 << 13,    /* of 0.1 */
    TAR_PAX_SPARSE_OFFSET = 1 << 14, /* of 0.0: the runs are in the tar_sparse */
    TAR_PAX_SPARSE_ALL = 0x7f00,
    /* What a global header may say. Names, sizes and maps of one member make no sense for all of
       them. */
    TAR_PAX_GLOBAL = TAR_PAX_UID | TAR_PAX_GID | TAR_PAX_MTIME,
};

struct tar_pax {
    unsigned set;    /* keys that have a value */
    unsigned masked; /* keys given with an empty value: what a global header said does not hold */
    struct str path, link, sparse_name, sparse_map;
    uint64_t size_bytes;
    uint64_t uid, gid, dev_major, dev_minor; /* within the range of their kind */
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint64_t sparse_major, sparse_minor, sparse_size, sparse_count;
    uint64_t sparse_offset; /* while parsing: the open half of a pair, UINT64_MAX: none */
    struct tar_xattr xattrs[TAR_MAX_XATTRS]; /* names are unique; the later record wins */
    size_t n_xattrs;
};

void tar_pax_reset(struct tar_pax *x);

/* Adds the records of one header to *x. `text` is changed. `sparse` gets the runs of a 0.0 map;
 * NULL: a global header, of which only attributes and the keys of TAR_PAX_GLOBAL are taken.
 * -SHALE_CORRUPT for what is malformed, -SHALE_LIMIT past the TAR_MAX_ limits. */
int tar_pax_parse(struct tar_pax *x, char *text, size_t n, struct tar_sparse *sparse,
                  struct shale_err *e);

/* Adds an attribute, or replaces the one of that name. */
int tar_pax_put_xattr(struct tar_pax *x, const struct tar_xattr *a, struct shale_err *e);

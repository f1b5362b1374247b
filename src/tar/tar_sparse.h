/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Maps of sparse members, in the four ways GNU tar has written them: type 'S' with extension
 * blocks; PAX 0.0 (pairs of records), 0.1 (one record) and 1.0 (lines in front of the data).
 * Internal to tar/.
 *
 *   tar_sparse_reset(&s);
 *   tar_sparse_add / _parse_text / _parse_gnu / _map_block …   // runs as they come, unchecked
 *   tar_sparse_finish(&s, real_size, data_offset, stored, e);  // checks and places them
 *   use s.v[0 .. s.n)
 *   tar_sparse_clear(&s);                                      // frees
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "tar/tar.h"

struct tar_sparse {
    struct tar_extent *v; /* reused from member to member */
    size_t n, cap;
    /* the map of 1.0 while it is read */
    uint64_t map_left;   /* numbers still to come; set by the first line */
    uint64_t map_number; /* of the line being read */
    bool map_has_count, map_has_digit;
    uint64_t map_offset; /* the first number of the pair being read */
};

#define TAR_GNU_SPARSE_AT   386 /* in a header of type 'S': four pairs, "is extended", real size */
#define TAR_GNU_SPARSE_N    4
#define TAR_GNU_EXTENSION_N 21 /* pairs in an extension block */

void tar_sparse_reset(struct tar_sparse *s);
void tar_sparse_clear(struct tar_sparse *s);

/* One run of data. More than TAR_MAX_EXTENTS is -SHALE_LIMIT. */
int tar_sparse_add(struct tar_sparse *s, uint64_t offset, uint64_t n_bytes, struct shale_err *e);

/* PAX 0.1: "offset,size,offset,size…". */
int tar_sparse_parse_text(struct tar_sparse *s, struct str map, struct shale_err *e);

/* Type 'S': up to n pairs at p, and the "is extended" byte behind them. Returns 1 if an extension
 * block follows, 0 if not. */
int tar_sparse_parse_gnu(struct tar_sparse *s, const uint8_t *p, size_t n, struct shale_err *e);

/* PAX 1.0: the next block of the map. Returns 1 if another one follows, 0 if this was the last. */
int tar_sparse_map_block(struct tar_sparse *s, const uint8_t block[TAR_BLOCK], struct shale_err *e);

/* Checks that the runs are in order, do not overlap, lie within real_size and fill exactly
 * `stored` bytes of data; drops empty ones; sets their places in the tar. */
int tar_sparse_finish(struct tar_sparse *s, uint64_t real_size, uint64_t data_offset,
                      uint64_t stored, struct shale_err *e);

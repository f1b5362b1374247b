/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What an image shows, for those who compare with it and read no file: names, what stat tells, and
 * extended attributes. Out of the image's index where the driver has one: nothing is mounted then,
 * and taking a mount away costs the kernel more than all the rest. Otherwise out of a view.
 *
 *   lower_of_folder(&l, fd) or rootfs_ops.lower or store_rootfs_lower
 *   lower_find(&l, "etc", &st, e); lower_open(&l, "etc", &etc, e); lower_each(&etc, …);
 *   lower_close(&etc); lower_close(&l);      // the root last
 *
 * An index is a file of a cache: all of it is checked when it is read, a damaged one is CORRUPT.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

struct erofs_index;
struct lower { /* a folder of the image */
    int fd;    /* of a view; -1: none */
    struct erofs_index *index;
    uint64_t nid; /* the folder in it */
    bool is_root; /* owns the index */
};
#define LOWER_NONE ((struct lower){.fd = -1}) /* nothing is below */

static inline bool lower_is(const struct lower *l)
{
    return l->fd >= 0 || l->index;
}
/* 1: it is there. What the name leads to does not count. */
int lower_find(const struct lower *l, const char *name, struct stat *ret, struct shale_err *e);
/* A folder in it. */
int lower_open(const struct lower *l, const char *name, struct lower *ret, struct shale_err *e);
/* As fs_each. */
int lower_each(const struct lower *l, int (*f)(void *arg, const char *name, unsigned char d_type),
               void *arg, struct shale_err *e);
/* Bytes of the value; 0: none, or more than n. */
size_t lower_xattr(const struct lower *l, const char *name, const char *attr, void *ret, size_t n);
void lower_close(struct lower *l);

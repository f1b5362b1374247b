/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Reads an index that erofs_write.c wrote, without the kernel: behind rootfs/lower.h, which tells
 * what for. Inodes are named by their numbers (nid). The file is read, a large one mapped; nothing
 * of it is believed.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

struct erofs_index;
/* The descriptor is the caller's, and needed no longer. */
int erofs_index_open(int fd, struct erofs_index **ret, struct shale_err *e);
struct erofs_index *erofs_index_close(struct erofs_index *x); /* NULL in, NULL out */
uint64_t erofs_index_root(const struct erofs_index *x);
/* 1: the folder `dir` has that name. */
int erofs_index_find(const struct erofs_index *x, uint64_t dir, const char *name, uint64_t *ret,
                     struct shale_err *e);
/* 1, as lower_find: with what the kernel would tell of it, but for st_dev and st_blocks. */
int erofs_index_stat(const struct erofs_index *x, uint64_t nid, struct stat *ret,
                     struct shale_err *e);
/* As fs_each, in order of names. */
int erofs_index_each(const struct erofs_index *x, uint64_t dir,
                     int (*f)(void *arg, const char *name, unsigned char d_type), void *arg,
                     struct shale_err *e);
/* As lower_xattr. */
size_t erofs_index_xattr(const struct erofs_index *x, uint64_t nid, const char *attr, void *ret,
                         size_t n);

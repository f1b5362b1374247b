/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Digests of files that have been read before, known again by what stat says of them (device,
 * inode, size, times). One file a context, read whole and written anew when something was learned.
 *
 *   copy_sums_open(dir_fd, "name", &s, e);
 *   copy_sums_get(s, &st, sum) || …read it… copy_sums_put(s, &st, sum);
 *   copy_sums_close(s);          // writes; a failure costs only time later
 *
 * A file that has just been changed may change again without its times telling: it is not kept. A
 * damaged cache is an empty one. Files of the folder that were not used for 30 days go. Threads may
 * share one. Files in layers are kept beside them (copy_stat_of_layer).
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "model/digest.h"

#define COPY_SUM_BYTES  40 /* a SHA-256, one byte that is 1 if the file has attributes, zeros */
#define COPY_SUM_XATTRS 32 /* where that byte is */
#define COPY_SUMS_MAX   2000000 /* files that are kept */

struct copy_stat {
    uint64_t dev, ino, size, rdev, nlink;
    int64_t mtime_ns, ctime_ns;
    uint32_t mode, uid, gid;
};

/* What a file of a layer is known by: where its bytes lie in the layer's tar, which never change.
 */
void copy_stat_of_layer(const struct digest *diff_id, uint64_t offset, uint64_t size_bytes,
                        struct copy_stat *ret);

struct copy_sums;
int copy_sums_open(int dir_fd, const char *name, struct copy_sums **ret, struct shale_err *e);
bool copy_sums_get(struct copy_sums *s, const struct copy_stat *st, uint8_t ret[COPY_SUM_BYTES]);
/* read_ns: when reading of it began. */
void copy_sums_put(struct copy_sums *s, const struct copy_stat *st,
                   const uint8_t sum[COPY_SUM_BYTES], int64_t read_ns);
struct copy_sums *copy_sums_close(struct copy_sums *s); /* NULL in, NULL out */

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Files of a file system as members of a tar: hard links among them, devices, attributes but for
 * those of overlayfs and of labels. Holes are written as zeros, times in whole seconds (as
 * docker's), sockets not at all.
 *
 *   pack_new(out, arg, cancel, &p, e);
 *   pack_member(p, &change, e);            // any number
 *   tar_writer_end(pack_tar(p), e);
 *   pack_free(p);
 *
 * Of a struct change `path` is the name that the member gets, `dir_fd` and `name` say where the
 * file is, `st` what it was found as. The same files give the same bytes. One thread at a time.
 */
#include "base/cancel.h"
#include "container/changes.h"
#include "tar/tar_write.h"

struct pack;
int pack_new(tar_out_fn out, void *arg, struct cancel *c, struct pack **ret, struct shale_err *e);
/* 1: it is written; 0: it is left out (a socket, or it has gone meanwhile). */
int pack_member(struct pack *p, const struct change *c, struct shale_err *e);
/* Is shown each member before it is written, with what its file is now; may change owner, mode and
 * time. 1: the file is known to have no attributes, 0: look. What it returns below 0 ends the call.
 */
typedef int (*pack_adjust_fn)(void *arg, struct tar_entry *t, const struct stat *st,
                              struct shale_err *e);
void pack_adjust(struct pack *p, pack_adjust_fn f, void *arg);
/* No member is younger than that, in seconds. */
void pack_clamp(struct pack *p, int64_t no_later_s);
struct tar_writer *pack_tar(struct pack *p); /* borrowed */
struct pack *pack_free(struct pack *p);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Files that an image shows as members of a tar, out of its layers' tars: hard links among them,
 * owners, times and attributes as they are, holes as zeros.
 *
 *   look_pack_new(&l, out, arg, cancel, &p, e);
 *   look_pack_tree(p, node, "top", e);      // or look_pack_changes
 *   look_pack_end(p, &n_members, e);
 *   look_pack_free(p);
 *
 * The same image gives the same bytes. One thread at a time; of one look only one at a time.
 */
#include "image/look.h"
#include "tar/tar_write.h"

struct look_pack;
int look_pack_new(struct look *l, tar_out_fn out, void *arg, struct cancel *c,
                  struct look_pack **ret, struct shale_err *e);
/* A node and all below it; `top` is what the outermost member is called, "": the root ("./"). */
int look_pack_tree(struct look_pack *p, uint32_t node, const char *top, struct shale_err *e);
/* What a layer that lies on `base` holds so that both together show what the image shows: whiteouts
 * for what is gone, folders above all that it has, and all names of a file of which any is new. An
 * empty base (no layers) gives all files. */
int look_pack_changes(struct look_pack *p, struct look *base, struct shale_err *e);
int look_pack_end(struct look_pack *p, uint64_t *ret_members, struct shale_err *e);
struct look_pack *look_pack_free(struct look_pack *p);

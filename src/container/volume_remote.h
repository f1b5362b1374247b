/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Volumes on other hosts (nfs, cifs): the kernel is told addresses, not names, so names in their
 * options are looked up before each mount, as docker does. Blocks as long as the resolver does.
 */
#include "base/arena.h"
#include "base/err.h"
#include "container/volume_options.h"

/* Of types nfs, nfs4, cifs and smb3: the name in "addr=" of x->o becomes an address; without one,
 * that in "//NAME/share" of cifs and smb3. New texts are in the arena. INVALID in docker's words.
 */
int volume_remote_resolve(struct volume_options *x, struct arena *a, struct shale_err *e);
/* The text of options with what follows "password=" covered. NULL: out of memory. */
const char *volume_remote_shown(const char *o, struct arena *a);

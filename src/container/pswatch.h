/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a list of containers is made of beside the database: processes that run, and files. Watched
 * by descriptors, so that to ask whether all is as it was reads nothing.
 *
 *   struct shale_ps_watch *w = pswatch_new(a);     // its descriptors are the arena's, too
 *   if (pswatch_process(w, &p)) …                  // before what is shown of them is read
 *   if (pswatch_file(w, path)) …
 *   …
 *   if (pswatch_is_whole(w) && pswatch_is_true(w)) // any thread, any number of times
 */
#include <shale/container.h>

#include "base/arena.h"
#include "container/process.h"

#define PSWATCH_MAX 256 /* of each kind; a daemon keeps a few lists */

struct shale_ps_watch *pswatch_new(struct arena *a); /* NULL: no memory */
/* False: it has ended, or cannot be watched; what is made of it is not whole then. */
bool pswatch_process(struct shale_ps_watch *w, const struct process *p);
/* One that is replaced by another when it changes (fs_write_atomic). False: it is not there, or
 * cannot be watched; the same. */
bool pswatch_file(struct shale_ps_watch *w, const char *path);
/* Whatever was to be watched is. */
bool pswatch_is_whole(const struct shale_ps_watch *w);
/* No process has ended, and no file was replaced or removed. */
bool pswatch_is_true(const struct shale_ps_watch *w);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a pull shows while it runs. On a terminal each layer has a line that
 * changes in place, with a bar and a rate; elsewhere each change of state is a line, as docker
 * prints them.
 *
 *   struct progress *p;
 *   r = progress_new(STDOUT_FILENO, &p, e);
 *   opts.on_progress = progress_event; opts.progress_arg = p;
 *   …
 *   progress_free(p);     // ends the last line
 *
 * progress_event may be called from several threads at once.
 */
#include <shale/progress.h>

#include "base/err.h"

struct progress;
int progress_new(int fd, struct progress **ret, struct shale_err *e);
void progress_free(struct progress *p); /* accepts NULL */
void progress_event(void *progress, const struct shale_progress *ev);

/* For tests: as on a terminal of that size; columns 0: not a terminal. */
void progress_set_size(struct progress *p, unsigned rows, unsigned columns);

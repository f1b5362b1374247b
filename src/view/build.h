/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a build shows while it runs.
 *
 *   struct build_view *v;
 *   r = build_view_new(BUILD_VIEW_AUTO, STDERR_FILENO, &v, e);
 *   opts.on_event = build_view_event; opts.arg = v;
 *   …
 *   status = build_view_status(v);   // of the command of a RUN that has failed, else 0
 *   build_view_free(v);
 *
 * plain: lines as BuildKit prints them ("#5 [2/3] RUN make", "#5 0.123 output", "#5 DONE 0.2s");
 * tty: steps in flight with their times and last lines, in place; rawjson: BuildKit's status
 * messages, one JSON object a line; quiet: only what belongs to an error. What programs write is
 * made harmless for a terminal where the descriptor is one. Thread-safe.
 */
#include <shale/build.h>

#include "base/err.h"

enum build_view_mode {
    BUILD_VIEW_AUTO, /* tty on a terminal, else plain */
    BUILD_VIEW_PLAIN,
    BUILD_VIEW_TTY,
    BUILD_VIEW_RAWJSON,
    BUILD_VIEW_QUIET
};
/* INVALID: no such --progress. */
int build_view_mode(const char *text, enum build_view_mode *ret, struct shale_err *e);

struct build_view;
int build_view_new(enum build_view_mode mode, int fd, struct build_view **ret, struct shale_err *e);
void build_view_event(void *view, const struct shale_build_event *ev);
int build_view_status(const struct build_view *v);
/* The end of what is shown in place, the output of what has failed, its place in the Dockerfile. */
void build_view_end(struct build_view *v, bool failed);
struct build_view *build_view_free(struct build_view *v); /* NULL in, NULL out */

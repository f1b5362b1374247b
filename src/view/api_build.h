/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What POST /build of the Engine API shows while it runs: lines of JSON, in the words of docker's
 * classic builder ("Step 2/3 : RUN make"), which knows one step at a time. Steps that run side by
 * side are told one after the other: of the first that has begun and not ended its output comes as
 * it is written, that of the others (the last API_BUILD_KEPT_BYTES of each) when it is their turn.
 *
 *   struct api_build *v;
 *   r = api_build_new(quiet, write, arg, &v, e);
 *   opts.on_event = api_build_event; opts.arg = v;
 *   r = shale_build(s, &opts, &built, e);
 *   api_build_done(v, built);    or    api_build_failed(v, e);
 *   v = api_build_free(v);
 *
 * write(arg, p, n) gets whole lines, by one thread at a time.
 */
#include <shale/build.h>

#include "base/err.h"

#define API_BUILD_KEPT_BYTES (256u << 10)

struct api_build;
int api_build_new(bool quiet, void (*write)(void *arg, const char *p, size_t n), void *arg,
                  struct api_build **ret, struct shale_err *e);
void api_build_event(void *view, const struct shale_build_event *ev);
/* The ID of what was built, its names; the error, with the status of a command of RUN as its code.
 */
void api_build_done(struct api_build *v, const struct shale_built *built);
void api_build_failed(struct api_build *v, const struct shale_err *why);
struct api_build *api_build_free(struct api_build *v); /* NULL in, NULL out */

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --output of build, with --load and --push: what it says, and doing it when the image is there.
 *
 *   build_outputs_take(c, &o->output, o->load, o->push, &out, &q);   // sets fields of q, too
 *   shale_build(s, &q, &made, e);
 *   build_outputs_put(c, s, &out, made);
 */
#include <shale/build.h>

#include "cli/cli.h"

#define BUILD_OUTPUTS_MAX 16

struct build_output {
    const char *type; /* "local", "tar", "oci", "docker", "image", "registry", "cacheonly" */
    const char *dest; /* NULL: none; "-": standard output */
    bool folder;      /* of oci and docker: a layout that is no tar */
    /* Of the image, so that it is the same in all outputs; NULL: not said. */
    const char *compression, *level, *force;
    const char *tar, *push; /* as written */
};
/* dest is a folder, which is made. */
bool build_output_is_folder(const struct build_output *out);
struct build_outputs {
    struct build_output v[BUILD_OUTPUTS_MAX];
    size_t n;
    bool push;
};
/* Errors are in c->e; names and annotations that stand in outputs are added to those of q. */
int build_outputs_take(struct cli *c, const struct strv *given, bool load, bool push,
                       struct build_outputs *ret, struct shale_build_opts *q);
/* Standard output is that of a tar: nothing else may be written there. */
bool build_outputs_to_stdout(const struct build_outputs *out);
/* Archives hold the names, or the ID where there is none. */
int build_outputs_put(struct cli *c, struct shale *s, const struct build_outputs *out,
                      const struct shale_built *b);

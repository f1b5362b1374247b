/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of a context: context.c has its life, folders and Dockerfile, context_stream.c what comes
 * from elsewhere. */
#include "base/arena.h"
#include "base/buf.h"
#include "build/context/context.h"
#include "build/context/room.h"

struct build_context {
    struct arena a;
    int root_fd; /* -1: not yet open */
    struct build_tree tree;
    struct ignore *ignore;
    struct copy_sums *sums;
    struct build_room *room; /* NULL: nothing was fetched or unpacked */
    bool is_host;            /* a folder of this host */
    bool has_dockerfile;     /* it came instead of a context */
    struct buf dockerfile;
    const char *name;
};

/* "-" or a URL: opens root_fd; the Dockerfile too when that is all there is. */
int context_open_stream(struct build_context *c, const struct build_context_opts *o,
                        struct shale_err *e);
/* All of a Dockerfile, behind what is in the buffer already. */
int context_read_text(struct build_context *c, int fd, const char *name, struct shale_err *e);

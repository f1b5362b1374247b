/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What ls, cat and tree share: how an image and paths in it are written. */
#include <shale/look.h>

#include "cli/cli.h"

struct look_args {
    const char *image;
    const char *const *paths; /* at least one for ls and tree: "/" where none is given */
    size_t n_paths;
};
/* "IMAGE PATH…", or "IMAGE:/PATH" with more paths behind it: ":/" is in no name of an image. */
int look_args(struct cli *c, int n, char **args, struct look_args *ret);

/* What was fetched of images in registries, on standard error; nothing where none was looked at. */
void look_fetched(const struct shale_fetched *f, bool quiet);

#define LOOK_REMOTE_HELP "The image in its registry, without pulling it"
#define LOOK_REMOTE_TEXT                                                                           \
    "\n"                                                                                           \
    "With --remote, or as docker://IMAGE, the image is looked at where it is, in its registry:\n"  \
    "layers are fetched and checked, but not stored; those that the store has are read there.\n"   \
    "How much was fetched is told on standard error.\n"

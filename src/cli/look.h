/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What ls, cat and tree share: how an image and paths in it are written. */
#include "cli/cli.h"

struct look_args {
    const char *image;
    const char *const *paths; /* at least one for ls and tree: "/" where none is given */
    size_t n_paths;
};
/* "IMAGE PATH…", or "IMAGE:/PATH" with more paths behind it: ":/" is in no name of an image. */
int look_args(struct cli *c, int n, char **args, struct look_args *ret);

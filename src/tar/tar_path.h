/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Names of members, made safe: relative, no empty and no "." components, no "..". Internal to tar/.
 *
 *   struct tar_path p;
 *   tar_path_clear(&p);
 *   tar_path_add(&p, prefix, e);   // any number of times; each adds components
 *   use p.s, p.n                   // always NUL-terminated; "" is the root
 *
 * No memory is allocated; what is too long is refused.
 */
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "tar/tar.h"

struct tar_path {
    size_t n;       /* bytes */
    size_t n_parts; /* components */
    char s[TAR_MAX_PATH_BYTES + 1];
};

void tar_path_clear(struct tar_path *p);

/* Adds the components of `name`. ".." is -SHALE_CORRUPT; a component over TAR_MAX_NAME_BYTES, more
 * than TAR_MAX_DEPTH of them or a path over TAR_MAX_PATH_BYTES is -SHALE_LIMIT. */
int tar_path_add(struct tar_path *p, struct str name, struct shale_err *e);

/* Takes `text` as it is (symbolic link targets). Over TAR_MAX_PATH_BYTES is -SHALE_LIMIT. */
int tar_path_set_raw(struct tar_path *p, struct str text, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Files of --env-file and --label-file: a NAME=VALUE a line, "#" begins a comment, blanks before a
 * name do not count. A line with a name alone is kept as the name.
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

#define KVFILE_MAX_BYTES (16u << 20)

/* All of the files, then `given`, as one list with a NULL behind its last entry. `what`: "env" or
 * "label", for messages. */
int kvfile_merge(const struct strv *files, const struct strv *given, const char *what,
                 struct arena *a, struct strv *ret, struct shale_err *e);

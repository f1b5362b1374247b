/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Changes to what an image gives its containers, written as instructions of a Dockerfile: the -c of
 * `commit` and `import`. CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME
 * WORKDIR.
 *
 *   json_t *config = …;          // the "config" object of an image config, {} for a new image
 *   r = change_apply(config, lines, n, &arena, e);
 *
 * The object is changed in place, line by line, as docker's builder does it: a command in words
 * becomes ["/bin/sh", "-c", …] (or what "Shell" says), ENTRYPOINT takes away a Cmd that none of the
 * lines has set, a relative WORKDIR goes below the one that is there, $NAME and ${NAME:-word} stand
 * for what Env has by then, quotes and backslashes as there. Errors are in docker's words: INVALID,
 * and the object is then half changed. Nothing of `lines` is kept. Values that are in the object
 * but of no use there (an Env that is no list) are replaced.
 */
#include <jansson.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define CHANGE_MAX_BYTES (64u << 10) /* of one line */
#define CHANGE_MAX_PORTS 65536       /* of one EXPOSE */

int change_apply(json_t *config, const char *const *lines, size_t n_lines, struct arena *a,
                 struct shale_err *e);

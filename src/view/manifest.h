/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A manifest or list as docker's `manifest inspect` prints it: manifests as they were received,
 * indented by tabs; of lists what docker keeps of them, indented by three blanks. `printable`:
 * control characters past ASCII are escaped. Failure is the buffer's, too. */
#include <shale/manifest.h>

#include "base/buf.h"

int manifest_print(const struct shale_manifest *m, bool printable, struct buf *out,
                   struct shale_err *e);
/* The same of a list that is put together here, or of one member of it. `verbose`: an array, or an
 * object, with the manifests as they are and in base 64. */
int manifest_print_list(const struct shale_list *l, bool verbose, bool printable, struct buf *out,
                        struct shale_err *e);

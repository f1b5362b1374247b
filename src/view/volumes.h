/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Volumes as a list, and as `volume inspect` shows one. */
#include <jansson.h>
#include <shale/volume.h>

#include "base/buf.h"

struct volumes_opts {
    const char *format; /* --format; NULL: the table */
    bool quiet;
    bool printable; /* see view/list.h */
};
int volumes_print(const struct shale_volume_list *volumes, const struct volumes_opts *o,
                  struct buf *out, struct shale_err *e);
/* A new reference; -SHALE_NO_MEMORY, -SHALE_CORRUPT. */
int doc_volume(const struct shale_volume *v, json_t **ret, struct shale_err *e);

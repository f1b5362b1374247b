/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Options of volumes (`volume create -o`), as docker's "local" driver has them: what is mounted at
 * a volume's folder while containers use it. Kept as volumes/<name>/options.json.
 */
#include "store/store.h"

struct volume_options {
    const char *type, *device, *o; /* as of mount(8); "" where it was not given */
    const char *json;              /* object text; "": the volume has none */
};

/* From "key=value" texts (NULL-terminated, may be NULL). INVALID in docker's words. */
int volume_options_parse(const char *const *list, struct arena *a, struct volume_options *ret,
                         struct shale_err *e);
/* `name` is a good one, and its folder is there. */
int volume_options_write(struct store *s, const char *name, const struct volume_options *o,
                         struct arena *a, struct shale_err *e);
/* Without any: all of them "". */
int volume_options_read(struct store *s, const char *name, struct arena *a,
                        struct volume_options *ret, struct shale_err *e);

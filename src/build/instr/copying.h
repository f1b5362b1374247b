/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where --from and bind mounts take files from. */
#include "build/build_priv.h"

struct copy_source_files {
    const struct meta_image_layer *layers;
    size_t n_layers;
    struct digest chain; /* "": none, an empty root */
    const char *what;    /* for messages */
    bool cached;         /* files of a context: they were a layer already, … */
    int64_t created_ns;  /* … which was made then */
};
/* from: a stage, image or named context; NULL: `source` of the build context, as a layer of its own
 * that the cache has. */
int copying_files(struct build *b, struct stage *s, const char *from, const char *source,
                  struct copy_source_files *ret, struct shale_err *e);

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Images and the history of one, as lists. */
#include <shale/image.h>
#include <shale/look.h>

#include "base/buf.h"

struct images_opts {
    const char *format; /* --format; NULL: the table */
    bool digests, no_trunc, quiet;
    bool printable; /* see view/list.h */
    int64_t now_ns;
};
bool images_shows_digests(const struct images_opts *o);
/* Whether names, ID, time and size of images are all that is shown (see shale_images_opts.brief).
 */
bool images_is_brief(const struct images_opts *o);
int images_print(const struct shale_image_list *images, const struct images_opts *o,
                 struct buf *out, struct shale_err *e);

struct history_opts {
    const char *format;
    bool no_trunc, quiet, human;
    bool printable;
    int64_t now_ns;
};
int history_print(const struct shale_history *h, const struct history_opts *o, struct buf *out,
                  struct shale_err *e);
/* The layers beside the history: `history --layers`. */
int layers_print(const struct shale_layer_uses *l, const struct history_opts *o, struct buf *out,
                 struct shale_err *e);

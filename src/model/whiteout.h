/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Whiteouts (image-spec layer.md): ".wh.NAME" removes NAME of lower layers, ".wh..wh..opq" hides
 * all that lower layers have in a directory, other ".wh..wh.*" names are AUFS's own and ignored. */
#include "base/str.h"

enum whiteout_kind { WHITEOUT_NONE, WHITEOUT_NAME, WHITEOUT_OPAQUE, WHITEOUT_META };

static inline enum whiteout_kind whiteout_classify(struct str base, struct str *ret_name)
{
    if (base.n < 4 || memcmp(base.p, ".wh.", 4) != 0)
        return WHITEOUT_NONE;
    if (str_eq(base, STR(".wh..wh..opq")))
        return WHITEOUT_OPAQUE;
    if (base.n >= 8 && memcmp(base.p, ".wh..wh.", 8) == 0)
        return WHITEOUT_META;
    *ret_name = (struct str){base.p + 4, base.n - 4};
    return WHITEOUT_NAME;
}

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* GET /system/df of the Engine API, written. */
#include <shale/df.h>

#include "base/err.h"
#include "view/json_put.h"

/* what: which of shale_df_what; the others are null. version: of the API, 151 for 1.51. */
int view_api_put_df(struct json_put *w, const struct shale_df *d, unsigned what, int version,
                    int64_t now_ns, struct shale_err *e);

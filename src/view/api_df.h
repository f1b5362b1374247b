/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* GET /system/df of the Engine API. See view/doc.h. */
#include <jansson.h>
#include <shale/build.h>
#include <shale/df.h>

#include "base/err.h"

enum { /* which parts; the others are null */
       API_DF_IMAGES = 1 << 0,
       API_DF_CONTAINERS = 1 << 1,
       API_DF_VOLUMES = 1 << 2,
       API_DF_BUILD_CACHE = 1 << 3,
       API_DF_ALL = API_DF_IMAGES | API_DF_CONTAINERS | API_DF_VOLUMES | API_DF_BUILD_CACHE,
};
/* `cache` may be NULL where its part is not asked for. version: of the API, 151 for 1.51. */
int view_api_df(const struct shale_df *d, const struct shale_build_cache *cache, unsigned parts,
                int version, int64_t now_ns, json_t **ret, struct shale_err *e);

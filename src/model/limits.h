/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Every size that comes from outside is compared with one of these before it is used. Those of tar
 * members are in tar/tar.h. */

#define LIMIT_MANIFEST_BYTES                                                                       \
    (4ull << 20) /* manifest or index (distribution-spec: at least 4 MiB) */
#define LIMIT_CONFIG_BYTES        (8ull << 20) /* image config */
#define LIMIT_LAYERS              512          /* layers of one image */
#define LIMIT_INDEX_ENTRIES       4096         /* descriptors in one index */
#define LIMIT_INDEX_DEPTH         4            /* indexes within indexes */
#define LIMIT_BLOB_BYTES          (1ull << 40) /* one compressed layer */
#define LIMIT_LAYER_BYTES         (1ull << 40) /* one inflated layer tar */
#define LIMIT_INFLATE_RATIO       200 /* inflated : compressed; $SHALE_MAX_INFLATE_RATIO changes it */
#define LIMIT_INFLATE_FLOOR_BYTES (256ull << 20) /* the ratio is checked above this size only */
#define LIMIT_IMAGE_ENTRIES       8000000        /* files of one image */
#define LIMIT_HTTP_BODY_BYTES     (4ull << 20) /* JSON bodies: tokens, errors, tag lists (a page) */
#define LIMIT_TAGS                100000       /* tags of one repository that are listed */
#define LIMIT_REF_BYTES           1024
#define LIMIT_HISTORY             16384         /* history entries of one config */
#define LIMIT_OS_FEATURES         256           /* os.features of one platform */
#define LIMIT_BUILD_CACHE_BYTES   (20ull << 30) /* layers that only the cache of builds holds */
#define LIMIT_PLATFORM_BYTES      256           /* a platform specifier */

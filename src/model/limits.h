/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Every size that comes from outside is compared with one of these before it is used. */

#define LIMIT_MANIFEST_BYTES (4ull << 20)      /* manifest or index (distribution-spec: at least 4 MiB) */
#define LIMIT_CONFIG_BYTES (8ull << 20)        /* image config */
#define LIMIT_LAYERS 512                       /* layers of one image */
#define LIMIT_INDEX_ENTRIES 4096               /* descriptors in one index */
#define LIMIT_INDEX_DEPTH 4                    /* indexes within indexes */
#define LIMIT_BLOB_BYTES (1ull << 40)          /* one compressed layer */
#define LIMIT_LAYER_BYTES (1ull << 40)         /* one inflated layer tar */
#define LIMIT_INFLATE_RATIO 1100               /* inflated : compressed; deflate cannot exceed 1032 */
#define LIMIT_INFLATE_FLOOR_BYTES (64ull << 20) /* the ratio is checked above this size only */
#define LIMIT_LAYER_ENTRIES 4000000            /* members of one tar */
#define LIMIT_IMAGE_ENTRIES 8000000            /* files of one image */
#define LIMIT_PATH_BYTES 4095                  /* PATH_MAX - 1 */
#define LIMIT_NAME_BYTES 255                   /* NAME_MAX */
#define LIMIT_PATH_DEPTH 1024                  /* components */
#define LIMIT_PAX_BYTES (1ull << 20)           /* one PAX header, or one GNU long name */
#define LIMIT_XATTR_BYTES (64ull << 10)        /* one value (XATTR_SIZE_MAX) */
#define LIMIT_XATTRS_PER_FILE 64
#define LIMIT_SPARSE_EXTENTS 1000000           /* extents of one sparse member */
#define LIMIT_HTTP_HEADER_BYTES (256ull << 10) /* all header lines of one response */
#define LIMIT_HTTP_BODY_BYTES (4ull << 20)     /* JSON bodies: tokens, errors, tag lists (a page) */
#define LIMIT_REDIRECTS 10
#define LIMIT_TAGS 100000 /* tags of one repository that are listed */
#define LIMIT_REF_BYTES 1024

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Images of OCI layouts in folders (--build-context name=oci-layout://FOLDER[:tag][@digest]): their
 * layers come into the store, where the build's lease has them; no image is made of them, and no
 * name.
 */
#include "build/build_priv.h"

#define LAYOUT_PREFIX "oci-layout://"

bool layout_is(const char *image);
/* *ret_doc is the caller's. platform NULL: of this host. NOT_FOUND, INVALID, CORRUPT, SYSTEM ... */
int layout_read(struct build *b, struct arena *a, const char *image, const char *platform,
                json_t **ret_doc, struct meta_image_layer **ret, size_t *ret_n,
                struct shale_err *e);

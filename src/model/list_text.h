/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Lists of manifests as docker writes them (`docker manifest push`), to the byte, so that the same
 * list has the same digest whoever pushes it: members in this order, three blanks of indent,
 * strings as Go's encoding/json escapes them. The media type is an OCI index's where the first
 * entry is an OCI manifest, else a docker manifest list's. Texts are UTF-8. Failure is the
 * buffer's.
 */
#include <shale/manifest.h>

#include "base/buf.h"

void list_text(const struct shale_manifest_entry *v, size_t n, struct buf *out);
const char *list_media_type(const struct shale_manifest_entry *v, size_t n); /* static */

/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A folder that is an OCI image layout (image-spec 1.1, image-layout.md), to read manifests, also
 * such that are no images, by tag or digest, and to put them there. Names are those of the
 * annotation org.opencontainers.image.ref.name, as BuildKit's local caches have them.
 *
 * Documents are checked against their digests; blobs are up to who reads them, as with every
 * source. Nothing outside of the folder is read, whatever is in it. Writing: blobs come in under
 * another name first, index.json changes last and at once.
 */
#include "model/endpoint.h"

/* NOT_FOUND: there is no such folder, or it is no layout. */
int cache_dir_source_open(const char *path, struct source **ret, struct shale_err *e);
/* Makes the folder where it is missing. INVALID: index.json is there and is none. */
int cache_dir_sink_open(const char *path, struct sink **ret, struct shale_err *e);

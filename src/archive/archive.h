/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Archives of images: one tar that is an OCI image layout (image-spec 1.1, image-layout.md) and a
 * docker-archive (`docker load` of 1.10 and later) at once.
 *
 *   oci-layout  blobs/<alg>/<hex> …  index.json  manifest.json
 *
 * Blobs are as they were published, compressed. The same images in the same order give the same
 * bytes: no times, no owners.
 *
 *   archive_sink_open(out, arg, &sink, e);
 *   copy_graph(source, digest, sink, NULL, …) …          // one at a time (n_parallel 1)
 *   archive_sink_add(sink, &descriptor, ref or NULL, e)  // what was copied, under a name
 *   archive_sink_finish(sink, e);                        // the documents and the end mark
 *   sink->ops->close(sink);
 *
 * Nothing is kept of blobs; documents and the list of what is in the archive are
 * (ARCHIVE_MAX_BYTES). One thread at a time.
 */
#include "base/err.h"
#include "model/endpoint.h"
#include "model/ref.h"
#include "tar/tar_write.h"

#define ARCHIVE_MAX_BYTES (1ull << 30) /* of what is kept in memory for one archive */

/* out gets the bytes of the archive, in order. */
int archive_sink_open(tar_out_fn out, void *arg, struct sink **ret, struct shale_err *e);
/* An image of the archive, whose manifest was put. Several names make several calls; NULL: the
 * image has none. INVALID: it was not put, or is no image. */
int archive_sink_add(struct sink *s, const struct descriptor *manifest, const struct ref *name,
                     struct shale_err *e);
int archive_sink_finish(struct sink *s, struct shale_err *e);

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
 *   archive_sink_add(sink, &descriptor, &manifest, ref or NULL, e)  // what was copied, named
 *   archive_sink_finish(sink, e);                        // the documents and the end mark
 *   sink->ops->close(sink);
 *
 * Nothing is kept of blobs; documents and the list of what is in the archive are
 * (ARCHIVE_MAX_BYTES). One thread at a time.
 */
#include "base/err.h"
#include "base/json.h"
#include "model/endpoint.h"
#include "model/ref.h"
#include "tar/tar_write.h"

#define ARCHIVE_SINCE     "shale.since" /* annotation of index.json */
#define ARCHIVE_MAX_BYTES (1ull << 30)  /* of what is kept in memory for one archive */

/* out gets the bytes of the archive, in order. */
int archive_sink_open(tar_out_fn out, void *arg, struct sink **ret, struct shale_err *e);
/* An image of the archive, or a list of several, that was put. manifest: the image that docker's
 * manifest.json has for it, the same where it is no list. Several names make several calls; NULL:
 * it has none. INVALID: the manifest was not put, or is no image. */
int archive_sink_add(struct sink *s, const struct descriptor *target, const struct digest *manifest,
                     const struct ref *name, struct shale_err *e);
/* What comes out is unpacked into a folder that is, or becomes, an OCI layout: it has no
 * manifest.json and no index.json either. The latter is the folder's own (NULL: it has none) with
 * the new entries before those that stay: all but what has a name that was given now. An entry of
 * others has often only its ref.name ("latest"), and that is its name; where both are there, the
 * full name decides: foo:latest and bar:latest stay side by side, and who asks for "latest" alone
 * gets what came last. INVALID: it is no index. */
int archive_sink_into(struct sink *s, const json_t *index, struct shale_err *e);
/* After finish: the text of that index.json, borrowed. To be put in place when all the rest is on
 * disk. */
const char *archive_sink_index(const struct sink *s);
/* Layers of these images ("alpine:3 (sha256:…)") were left out. The text is borrowed. */
void archive_sink_set_since(struct sink *s, const char *images);
int archive_sink_finish(struct sink *s, struct shale_err *e);

/*
 * ---- reading ----
 *
 * What others wrote, too: OCI layouts (tar or folder) and docker-archives, in gzip, zstd, xz or
 * bzip2 or plain. A plain tar in a file is read where it lies; what comes through a pipe or is
 * compressed is unpacked once into an unnamed file. Nothing is written anywhere else: names of
 * members are only compared, links lead to other members only.
 *
 *   archive_open(fd, spool_dir_fd, cancel, &arena, &archive, e);
 *   a->images …                            // what is in it
 *   a->source                              // by digests
 *   archive_close(a);
 *
 * Errors: CORRUPT for what is cut off, contradicts itself or has a member twice; LIMIT; INVALID for
 * what is no archive of images.
 */
#define ARCHIVE_MAX_MEMBERS        200000
#define ARCHIVE_MAX_IMAGES         10000
#define ARCHIVE_MAX_DOCUMENT_BYTES (16u << 20) /* manifest.json */
#define ARCHIVE_MAX_LINKS          8           /* one after the other */

struct archive_image {
    struct digest target;    /* manifest or index */
    const struct ref *names; /* with tags; none for what has no name, or one that is no reference */
    size_t n_names;
    bool published; /* the manifest is what its publisher made, not put together here */
};
struct archive {
    struct source source;
    const struct archive_image *images;
    size_t n_images;
    const char *since; /* images whose layers were left out, as the archive says; NULL: none */
};
/* fd: a file, pipe or folder; read from its beginning where that can be, stays open as long as the
 * archive. *ret and what it holds live in the arena. */
int archive_open(int fd, int spool_dir_fd, struct cancel *c, struct arena *a, struct archive **ret,
                 struct shale_err *e);
void archive_close(struct archive *x);
bool archive_has_blob(struct archive *x, const struct digest *d);

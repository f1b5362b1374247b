/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Descriptors, manifests and indexes (image-spec 1.1 descriptor.md, manifest.md, image-index.md;
 * docker schema 2). Parsed values live in the arena; digests are always of the raw bytes, which the
 * caller keeps.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "model/digest.h"
#include "model/media.h"
#include "model/platform.h"

struct descriptor {
    const char *media_type; /* as received, never NULL ("" if missing) */
    struct digest digest;
    uint64_t size_bytes;
    struct strv urls;
    struct strmap annotations;
    const char *artifact_type; /* NULL: none */
    struct platform platform;  /* of index entries */
    bool has_platform;
};

enum manifest_kind { MANIFEST_IMAGE, MANIFEST_INDEX };

struct manifest {
    enum manifest_kind kind;
    const struct media *media;
    const char *media_type;
    const char *artifact_type;
    struct strmap annotations;
    struct descriptor config;  /* images */
    struct descriptor *layers; /* images: base first */
    size_t n_layers;
    struct descriptor *manifests; /* indexes */
    size_t n_manifests;
    bool has_subject;
    struct descriptor subject;
};

/* Parses and checks: schemaVersion 2, one kind only (both layers/config and manifests is refused,
 * CVE-2021-41190), the mediaType member against `content_type` (NULL or "" when unknown), limits.
 * Schema 1 gives UNSUPPORTED with docker's sentence. Content types may have parameters; those that
 * name nothing we know ("application/json") count as unknown. null lists are empty, `data` of
 * descriptors is ignored. */
int manifest_parse(const void *p, size_t n, const char *content_type, struct arena *a,
                   struct manifest *ret, struct shale_err *e);

/* Chooses the entries of an index that serve `want`, best first, into ret[] (at most
 * LIMIT_INDEX_ENTRIES pointers into m, in the arena). Attestations and unknown media types are left
 * out. Entries without a platform serve anybody and come last; nested indexes are among the
 * entries, walking them is up to the caller. None that serves is *ret_n == 0, not an error. */
int manifest_select(const struct manifest *m, const struct platform *want, struct arena *a,
                    const struct descriptor ***ret, size_t *ret_n, struct shale_err *e);
bool descriptor_is_attestation(const struct descriptor *d);
